"""The runner of jobs: what Ctrl-C leaves to a running command. Other tests run whole ablations."""

import os
import signal
import sys

import pytest

from aquanet_tf.jobs import runner
from aquanet_tf.jobs.job import Job

# Saves after a SIGINT, which takes a second, and is killed by a second signal.
SLOW = """
import pathlib, signal, sys, time
out = pathlib.Path(sys.argv[1])
def save(number, frame):
    time.sleep(1)
    (out / "saved").touch()
    sys.exit(130)
signal.signal(signal.SIGINT, save)
(out / "ready").touch()
time.sleep(60)
"""


def test_ctrl_c_leaves_a_command_time_to_save(tmp_path, monkeypatch):
    def interrupted(child):
        if not (tmp_path / "ready").exists():
            return wait(child)
        os.kill(child.pid, signal.SIGINT)  # as a terminal does
        raise KeyboardInterrupt

    wait = runner._wait
    monkeypatch.setattr(runner, "_POLL", 0.05)
    monkeypatch.setattr(runner, "_wait", interrupted)
    job = Job(name="slow", command=(sys.executable, "-c", SLOW, str(tmp_path)), what={})
    with pytest.raises(KeyboardInterrupt):
        runner.run([job], tmp_path)
    assert (tmp_path / "saved").exists()
