"""Two workers train like one, also when one of them is killed or gets a signal."""

import json
import os
import signal
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.data import pipeline
from aquanet_tf.runs import history
from aquanet_tf.training import distribution, trainer
from tests.support import commands
from tests.training.test_cluster import document
from tests.training.test_trainer import TINY, as_flags, options, weights

KERAS_2 = keras.__version__.startswith("2.")
# Nothing but the kick-start: the other stages go the same way and take a minute to trace.
SHORT = {
    **TINY,
    "kickstart_epochs": 3,
    "pose_frozen_epochs": 0,
    "panels_every": 0,
    "milestones": "2",
}
# A worker that is lost before the third epoch, once the chief has saved the second.
DIES = """
import os, pathlib, signal, time
from absl import flags
from aquanet_tf import cli, train
from aquanet_tf.config import command_line
from aquanet_tf.training.watchers import collapse
def on_epoch_begin(self, epoch, logs=None):
    if epoch == 2:
        saved = pathlib.Path(flags.FLAGS.workdir) / "checkpoints" / "ckpt-2.index"
        while not saved.exists():
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
collapse.CollapseSentinel.on_epoch_begin = on_epoch_begin
command_line.define_flags()
cli.run(train.main)
"""
# A worker that gets a signal (argument: CALLBACK,EPOCH,BATCH,SIGNAL) at the end of a batch, before
# anybody is asked: the sentinel is called before the checkpoints.
SIGNALLED = """
import signal, sys
from absl import flags
from aquanet_tf import cli, train
from aquanet_tf.config import command_line
from aquanet_tf.training.watchers import collapse
name, epoch, batch, number = sys.argv.pop(1).split(",")
class Sentinel(collapse.CollapseSentinel):
    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
def at_batch(self, index, logs=None):
    if (self.now, index) == (int(epoch), int(batch)):
        signal.raise_signal(int(number))
setattr(Sentinel, name, at_batch)
collapse.CollapseSentinel = Sentinel
command_line.define_flags()
cli.run(train.main)
"""


def test_several_workers_must_be_asked_for(data_dir, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps(document(0, worker=["a:1", "b:1"])))
    with pytest.raises(ValueError, match="add --strategy=multi_worker, or unset TF_CONFIG"):
        distribution.create(options(data_dir))
    for harmless in (json.dumps(document(0, worker=["a:1"])), "{}", "[", ""):
        monkeypatch.setenv("TF_CONFIG", harmless)
        assert distribution.is_chief(distribution.create(options(data_dir)))


@pytest.mark.parametrize("replicas, hidden", [(1, [([], "GPU")]), (0, [])])
def test_one_replica_is_a_device_of_the_cpu(data_dir, monkeypatch, replicas, hidden):
    calls = []
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"/{kind}:0"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *given: calls.append(given))
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", tf.distribute.get_strategy)
    distribution.create(options(data_dir, replicas=replicas))
    assert calls == hidden


def test_replicas_are_for_one_machine(data_dir):
    with pytest.raises(ValueError, match="--replicas is for --strategy=auto"):
        options(data_dir, strategy="multi_worker", replicas=2)


def test_one_process_needs_no_agreement():
    distribution.wait(tf.distribute.get_strategy())
    distribution.check_equal(tf.distribute.get_strategy(), 3, "different")


def test_numbers_that_differ_are_shown(monkeypatch):
    monkeypatch.setattr(distribution, "gathered", lambda strategy, number: [number, 2])
    distribution.check_equal(None, 2, "different")
    with pytest.raises(ValueError, match=r"^different checkpoints \(3, 2\)$"):
        distribution.check_equal(None, 3, "different checkpoints")


def test_on_one_machine_fit_divides_the_batches(data_dir):
    config, strategy = options(data_dir), tf.distribute.get_strategy()
    assert distribution.share(strategy) == pipeline.WHOLE
    batches = distribution.fed(strategy, pipeline.validation_dataset(config, str(data_dir)))
    assert "key" not in batches.element_spec and "target" in batches.element_spec


def test_only_a_lost_worker_is_explained(data_dir):
    lost = tf.errors.UnavailableError(None, None, "heartbeat timeout")
    one, many = options(data_dir), options(data_dir, strategy="multi_worker")
    assert distribution.explained(lost, one) is lost
    assert "start the same command" in str(distribution.explained(lost, many))
    other = tf.errors.DataLossError(None, None, "corrupted record")
    assert distribution.explained(other, many) is other


def test_command_line_errors(data_dir, tmp_path):
    """Before anything is written or anybody waited for."""
    flags = {**SHORT, "data_dir": data_dir, "workdir": tmp_path / "run", "strategy": "multi_worker"}
    words = ("TF_CONFIG: not set",)
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    if not KERAS_2:
        environment["TF_CONFIG"] = json.dumps(document(0, worker=["localhost:1", "localhost:2"]))
        words = ("--strategy=multi_worker needs Keras 2", "keras/issues/20585")
    done = commands.run("aquanet_tf.train", *as_flags(flags), env=environment)
    commands.assert_user_error(done, *words)
    assert not (tmp_path / "run").exists()


def free_ports(count):
    """Ports below those that the system gives to outgoing connections, so that nobody is given
    them before the workers listen; different ones for tests that run at the same time."""
    found, port = [], 12000 + os.getpid() * 8 % 16000
    while len(found) < count:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                pass
        port += 1
    return found


def run_workers(workdir, flags, programs):
    """Runs one worker for each program (arguments of Python); (exit code, output) of each."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(len(programs))]
    log = workdir.parent / "worker{}.log"
    workers = []
    try:
        for index, program in enumerate(programs):
            environment = {
                **os.environ,
                "CUDA_VISIBLE_DEVICES": "-1",
                "TF_CONFIG": json.dumps(document(index, worker=addresses)),
            }
            with open(str(log).format(index), "w") as output:
                workers.append(
                    subprocess.Popen(
                        [sys.executable, *program, *as_flags({**flags, "workdir": workdir})],
                        cwd=commands.ROOT,
                        env=environment,
                        stdout=output,
                        stderr=output,
                    )
                )
        codes = [worker.wait(timeout=1200) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return [(code, open(str(log).format(index)).read()) for index, code in enumerate(codes)]


@pytest.mark.slow
@pytest.mark.skipif(not KERAS_2, reason="Keras 3 has no multi-worker training")
def test_two_workers_of_which_one_is_killed_train_like_one(data_dir, alone, tmp_path):
    flags = {**SHORT, "data_dir": data_dir, "val_data_dir": data_dir, "strategy": "multi_worker"}
    workdir = tmp_path / "several" / "run"
    workdir.parent.mkdir()
    module = ["-m", "aquanet_tf.train"]
    chief, killed = run_workers(workdir, flags, [module, ["-c", DIES]])
    assert killed[0] == -signal.SIGKILL, killed[1]
    assert chief[0] == 1 and "error: another worker has stopped" in chief[1], chief[1]
    assert len(history.read_history(workdir / "history.csv")) == 2
    before = sorted(path.name for path in workdir.rglob("*"))

    for code, output in run_workers(workdir, flags, [module, module]):
        assert code == 0 and "resuming after 2 " in output, output
    written = {path.name for path in workdir.rglob("*")} - set(before)
    assert {name for name in written if not name.startswith("events")} == {
        "ckpt-3.index",
        "ckpt-3.data-00000-of-00001",
    }
    # One writer: a TensorBoard file of each kind for each of the two runs.
    assert len(list((workdir / "tensorboard" / "train").iterdir())) == 2
    assert_like_one(workdir, alone)


@pytest.mark.slow
@pytest.mark.skipif(not KERAS_2, reason="Keras 3 has no multi-worker training")
def test_a_signal_to_one_worker_stops_both_at_one_step(data_dir, alone, tmp_path):
    """To the one that does not write, in the first step of an epoch; then, in the batches that
    validate the next one, to the chief."""
    flags = {**SHORT, "data_dir": data_dir, "val_data_dir": data_dir, "strategy": "multi_worker"}
    workdir = tmp_path / "run"
    module = ["-m", "aquanet_tf.train"]
    term = ["-c", SIGNALLED, f"on_train_batch_end,1,0,{int(signal.SIGTERM)}"]
    for code, output in run_workers(workdir, flags, [module, term]):
        assert code == 143 and "Traceback" not in output, output
        assert f"saved as {workdir}/unfinished/epoch-1-step-1." in output, output
    chief, other = ((tmp_path / f"worker{i}.log").read_text() for i in (0, 1))
    assert "stopped by SIGTERM, which another worker got" in chief
    assert "SIGTERM: finishing the step" in other and "another" not in other

    interrupt = ["-c", SIGNALLED, f"on_test_batch_end,1,2,{int(signal.SIGINT)}"]
    for code, output in run_workers(workdir, flags, [interrupt, module]):
        assert code == 130 and "Traceback" not in output, output
        assert f"saved as {workdir}/unfinished/epoch-1-step-2." in output, output

    for code, output in run_workers(workdir, flags, [module, module]):
        assert code == 0 and "resuming after 1 epochs and 2 steps" in output, output
    assert not (workdir / "unfinished").exists()
    assert_like_one(workdir, alone)


@pytest.fixture(scope="module")
def alone(data_dir, tmp_path_factory):
    """The run of one process that the workers' runs must be like."""
    workdir = tmp_path_factory.mktemp("alone") / "run"
    single = options(**{**SHORT, "data_dir": data_dir, "val_data_dir": str(data_dir)})
    assert trainer.train(single, workdir) == 3
    return workdir


def assert_like_one(workdir, alone):
    rows, expected = (history.read_history(d / "history.csv") for d in (workdir, alone))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for row, other in zip(rows, expected):
        for name in ("loss", "translation", "rotation", "val_loss"):
            np.testing.assert_allclose(float(row[name]), float(other[name]), rtol=2e-3)
    # Adam divides by the size of the gradient and so magnifies rounding where that is tiny.
    for a, b in zip(weights(workdir), weights(alone)):
        np.testing.assert_allclose(a, b, atol=5e-4)
