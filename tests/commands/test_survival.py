"""Training processes that are killed at any moment lose nothing when they are resumed.

AQUANET_KILLS=20 sets the number of kills (default 4, for CI).
"""

import os
import random
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.support.commands import ROOT, assert_user_error, run
from tests.training.test_trainer import TINY, as_flags

KILLS = int(os.environ.get("AQUANET_KILLS", "4"))
SETTINGS = {
    **TINY,
    "kickstart_epochs": 1,
    "pose_frozen_epochs": 0,
    "epochs": 2,
    "steps_per_epoch": 8,
    "milestones": "1",
    "panels_every": 0,
    "checkpoint_steps": 1,
    "deterministic": True,
    "warp_impl": "auto",
}


def start(settings, log):
    """The training as a process of its own; its output goes to the file `log`."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_NUM_INTRAOP_THREADS": "2"}
    with open(log, "a") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "aquanet_tf.train", *as_flags(settings)],
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=file,
        )


def saved(workdir):
    return {path.name for path in workdir.glob("*/*.index")}


def wait_for_saves(process, workdir, count):
    """Returns when that many new checkpoints have been seen, or the run has ended."""
    seen = saved(workdir)
    wanted = len(seen) + count
    while process.poll() is None and len(seen) < wanted:
        time.sleep(0.01)
        seen |= saved(workdir)


def tensors(workdir):
    """All of the newest epoch's checkpoint but the number of saves."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(workdir / "checkpoints")))
    names = [n for n in reader.get_variable_to_shape_map() if "save_counter" not in n]
    return {n: reader.get_tensor(n) for n in names if "OBJECT_GRAPH" not in n}


def equal(workdir, other):
    mine, theirs = tensors(workdir), tensors(other)
    assert mine.keys() == theirs.keys() and len(mine) > 100
    for name in mine:
        np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
    assert (workdir / "history.csv").read_bytes() == (other / "history.csv").read_bytes()


@pytest.mark.slow
def test_kill_9_at_any_moment_changes_no_bit(pair_of_sets, tmp_path):
    """Killed at the start or a seeded time after some saves, in both phases, with two data sets.
    The result does not depend on where in a step or a save the kills happen."""
    steps = 4 + KILLS  # an epoch
    settings = {
        **SETTINGS,
        "data_dir": ",".join(map(str, pair_of_sets)),
        "data_weights": "0.6,0.4",
        "steps_per_epoch": steps,
        "workdir": tmp_path / "whole",
    }
    log = tmp_path / "log"
    assert start(settings, log).wait() == 0, log.read_text()[-3000:]
    workdir = tmp_path / "killed"
    settings["workdir"] = workdir
    chance = random.Random(5)
    places = []  # what the newest checkpoint was when a kill fell
    for number in range(KILLS):
        process = start(settings, log)
        if number % 4:
            wait_for_saves(process, workdir, max(1, (2 * steps - 4) // KILLS))
            time.sleep(chance.uniform(0.0, 0.15))
        else:
            time.sleep(chance.uniform(0.5, 6.0))
        process.kill()
        if process.wait() == -signal.SIGKILL:
            places.append(max(saved(workdir), key=place, default="nothing"))
    print(f"{len(places)} of {KILLS} kills fell on a running training, at", *places)
    assert len(places) >= KILLS / 2
    process = start(settings, log)
    assert process.wait() == 0, log.read_text()[-3000:]
    equal(workdir, tmp_path / "whole")


def place(name):
    """(epoch, step) of the name of a checkpoint's file."""
    return [int(number) for number in re.findall(r"-(\d+)", name)]


@pytest.mark.slow
def test_sigterm_saves_and_the_resumed_run_is_bit_equal(data_dir, tmp_path):
    """On two replicas, whose sums of the running means are split anew and may differ in a bit."""
    settings = {**SETTINGS, "data_dir": data_dir, "replicas": 2, "workdir": tmp_path / "whole"}
    assert start(settings, tmp_path / "log").wait() == 0, (tmp_path / "log").read_text()[-3000:]
    workdir = tmp_path / "stopped"
    settings["workdir"] = workdir
    process = start(settings, tmp_path / "log")
    wait_for_saves(process, workdir, 2)  # the state before the first step, and one after it
    process.terminate()
    assert process.wait() == 143
    said = (tmp_path / "log").read_text()
    assert "stopped by SIGTERM; saved as" in said and "Traceback" not in said
    assert start(settings, tmp_path / "log").wait() == 0
    mine, theirs = tensors(workdir), tensors(tmp_path / "whole")
    for name in theirs:
        if not name.startswith("sums/"):
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)


def test_a_full_disk_fails_before_the_first_step(data_dir, tmp_path):
    """No file may exceed 30 kB, less than a checkpoint."""
    flags = {**SETTINGS, "data_dir": data_dir, "workdir": tmp_path / "run"}
    done = run(
        "aquanet_tf.train",
        *as_flags(flags),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    assert_user_error(done, "epoch-0-step-0: cannot be written", "File too large", "Make room")
    assert not (tmp_path / "run" / "history.csv").exists()
