"""`make roads`: what it says without data, what it would run, and all of it on real files."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests.support import commands

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
# A few steps instead of hours.
TINY = (
    "--epochs=3 --kickstart_epochs=1 --steps_per_epoch=2 --width=0.05 --pose_network_width=0.05 "
    "--levels=3 --batch_size=1 --milestones= --collapse=off"
)

# Variables of a `make test` around this one; with MAKELEVEL, make prints which folder it enters.
OUTER = ("ROADS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def make(*arguments):
    return subprocess.run(
        ["make", "roads", f"PY={sys.executable}", "SETUP=", *arguments],
        cwd=commands.ROOT,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name not in OUTER},
    )


@pytest.mark.parametrize("given", [[], ["ROADS="], ["ROADS=nowhere"]])
def test_without_data_one_line_says_what_to_do(given):
    done = make(*given)
    assert done.returncode != 0 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert "kitti_raw/2011_09_26" in line and "make roads ROADS=DIR" in line


def test_every_step_is_done_once_and_in_order(tmp_path):
    (tmp_path / "kitti_raw" / "2011_09_26").mkdir(parents=True)
    done = make(f"ROADS={tmp_path}", f"ROADS_RUN={tmp_path / 'run'}", "-n")
    assert done.returncode == 0, done.stderr
    verbs = [
        line.split(" -m ")[1].split()[0] for line in done.stdout.splitlines() if " -m " in line
    ]
    assert verbs[:2] == ["data_prep.kitti", "aquanet_tf.native.build"]
    assert verbs.count("aquanet_tf.train") == 2 and verbs.count("aquanet_tf.evaluate") == 4
    assert verbs.index("aquanet_tf.predict") > verbs.index("aquanet_tf.train")
    assert verbs[-1] == "export.report"
    for words in ("--ground_truth velodyne --crop garg --max_depth 80 --alignment median",):
        assert done.stdout.count(words) == 4
    # What is marked as done is left out.
    (tmp_path / "run" / "done").mkdir(parents=True)
    for mark in ("records", "stage1"):
        (tmp_path / "run" / "done" / mark).touch()
    again = make(f"ROADS={tmp_path}", f"ROADS_RUN={tmp_path / 'run'}", "-n")
    assert "data_prep.kitti" not in again.stdout and again.stdout.count("aquanet_tf.train") == 1


def test_training_and_measuring_share_no_drive():
    lists = {
        name: (commands.ROOT / "configs" / "roads" / f"{name}.txt").read_text().split()
        for name in ("train", "0039", "9999")
    }
    assert len(lists["train"]) == 2
    assert not set(lists["train"]) & {*lists["0039"], *lists["9999"]}


@pytest.mark.slow
def test_on_real_files(tmp_path):
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    places = [f"ROADS_RUN={tmp_path / 'run'}", f"ROADS_DATA={tmp_path / 'data'}"]
    call = [f"ROADS={root}", *places, f"ROADS_TRAIN={TINY}"]
    done = make(*call)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    run = pathlib.Path(tmp_path / "run")
    assert (run / "report.html").is_file()
    for stage in ("stage1", "stage2"):
        for drive in ("0039", "9999"):
            assert (run / stage / f"{drive}.json").is_file()
    assert list(run.glob("predictions/*/*_color.png"))
    again = make(*call)
    assert again.returncode == 0 and " -m " not in again.stdout
