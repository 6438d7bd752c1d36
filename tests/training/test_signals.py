"""Signals, as a process gets them. Nothing of TensorFlow is needed for that."""

import subprocess
import sys

import pytest

from tests.support import commands

PROLOGUE = """
import os, signal
from aquanet_tf.training import signals as interruption

def send(number):
    signal.raise_signal(number)
"""


def outcome(code):
    """CompletedProcess of the code behind the prologue."""
    return subprocess.run(
        [sys.executable, "-c", PROLOGUE + code],
        cwd=commands.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name, code", [("SIGTERM", 143), ("SIGINT", 130)])
def test_outside_of_steps_a_signal_ends_the_process(name, code):
    done = outcome(f"with interruption.Interruption(): send(signal.{name}); print('on')")
    assert done.returncode == code and "on" not in done.stdout, done.stderr
    assert f"stopped by {name}; everything done so far was saved" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name, code", [("SIGTERM", 143), ("SIGINT", 130)])
def test_inside_a_step_it_waits_for_the_save(name, code):
    done = outcome(f"""
with interruption.Interruption() as signals, signals.deferred():
    send(signal.{name})
    print("finished the step")
    assert signals.agreed() == signal.{name}
    signals.stop("saved as HERE")
""")
    assert done.returncode == code and "finished the step" in done.stdout, done.stderr
    assert f"{name}: finishing the step, then saving" in done.stderr
    assert f"stopped by {name}; saved as HERE. Run the same command again" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("first, second", [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGTERM")])
def test_the_second_signal_kills(first, second):
    done = outcome(f"""
with interruption.Interruption() as signals, signals.deferred():
    send(signal.{first})
    send(signal.{second})
    print("alive")
""")
    assert done.returncode == -15 and "alive" not in done.stdout


def test_nobody_looked_so_leaving_stops():
    done = outcome("""
with interruption.Interruption() as signals:
    with signals.deferred():
        send(signal.SIGTERM)
    print("on")
""")
    assert done.returncode == 143 and "on" not in done.stdout


@pytest.mark.parametrize("mine", [None, "SIGINT", "SIGTERM"])
def test_the_signal_of_another_worker_counts_like_ones_own(mine):
    """And one that comes when the stop is agreed already does not kill: it is the first here."""
    after = f"send(signal.{mine})" if mine else ""
    done = outcome(f"""
with interruption.Interruption() as signals, signals.deferred():
    signals.highest = lambda number: max(number, signal.SIGTERM)
    assert signals.agreed() == signal.SIGTERM
    {after}
    signals.wait()
    signals.stop("saved as HERE")
""")
    assert done.returncode == 143, done.stderr
    assert ("which another worker got" in done.stderr) == (mine is None)


def test_all_workers_ask_equally_often():
    """What one asks and another does not would be waited for forever."""
    done = outcome("""
asked = []
with interruption.Interruption() as signals:
    signals.highest = lambda number: asked.append(number) or number
    with signals.deferred():
        signals.agreed()
assert asked == [0, 0]  # inside, and when it is left
try:
    with signals.deferred():
        raise ValueError
except ValueError:
    assert asked == [0, 0]  # an error of one worker's is not agreed upon
""")
    assert done.returncode == 0, done.stderr


def test_nothing_holds_up_a_worker_that_waits_for_the_others():
    """And who took the signal meanwhile does not keep it."""
    done = outcome("""
with interruption.Interruption() as signals, signals.released():
    send(signal.SIGTERM)
""")
    assert done.returncode == -15
    done = outcome("""
with interruption.Interruption() as signals:
    with signals.released():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    send(signal.SIGTERM)
""")
    assert done.returncode == 143


def test_handlers_are_put_back_and_other_threads_have_none():
    done = outcome("""
import threading
before = signal.getsignal(signal.SIGTERM)
with interruption.Interruption():
    assert signal.getsignal(signal.SIGTERM) is not before
assert signal.getsignal(signal.SIGTERM) is before

def inside():
    with interruption.Interruption():
        print("entered")
thread = threading.Thread(target=inside); thread.start(); thread.join()
""")
    assert done.returncode == 0 and "entered" in done.stdout, done.stderr
