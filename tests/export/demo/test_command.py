"""A step under its page: its exit code counts, and nothing outlives the wait for it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from export.demo import command
from tests.support import commands

SLEEP = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"


def demo(run, *child, **options):
    """The arguments of subprocess for a step of a demo."""
    call = [sys.executable, "-m", "export.demo", "--run", str(run), "--step", "street", "--"]
    return {"args": [*call, sys.executable, *child], "cwd": commands.ROOT, **options}


def page(run):
    return (run / "report.html").read_text()


def wait_for(condition):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 20 seconds")


def test_it_is_shown_while_it_runs(tmp_path):
    shown = []
    code = command.run(
        [sys.executable, "-c", "import time; time.sleep(0.5)"],
        lambda: shown.append(time.monotonic()),
        every=0.1,
    )
    assert code == 0 and len(shown) >= 3


@pytest.mark.parametrize(
    "text, code", [("exit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_a_failure_is_passed_on(text, code):
    assert command.run([sys.executable, "-c", text], lambda: None) == code


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    command.run([sys.executable, "-c", ""], lambda: None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_failed_step_stands_on_the_page(tmp_path):
    done = subprocess.run(**demo(tmp_path, "-c", "import sys; sys.exit(5)", "--flag=x"))
    assert done.returncode == 5 and "exit code 5" in page(tmp_path)


def test_a_step_that_works_leaves_the_page_to_the_next(tmp_path):
    done = subprocess.run(
        **demo(tmp_path, "-c", "import sys; assert sys.argv[1] == '--a=1'", "--a=1")
    )
    assert done.returncode == 0 and "running since" in page(tmp_path)


def test_a_page_that_cannot_be_written_does_not_end_the_step(tmp_path):
    (tmp_path / "report.html").mkdir()
    done = subprocess.run(**demo(tmp_path, "-c", "", stderr=subprocess.PIPE, text=True))
    assert done.returncode == 0 and "warning: the page" in done.stderr


def _listen():
    """A shell lets what it runs in the background ignore SIGINT, tests as well."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number, send", [("SIGTERM", os.kill), ("SIGINT", os.killpg)])
def test_a_stopped_step_ends_and_stands_on_the_page(tmp_path, number, send):
    """make sends SIGTERM to what it runs; a terminal sends SIGINT to all, the step as well."""
    pid = tmp_path / "pid"
    waiting = subprocess.Popen(
        **demo(tmp_path, "-c", SLEEP, str(pid), start_new_session=True, preexec_fn=_listen)
    )
    wait_for(lambda: pid.is_file() and pid.read_text())
    wait_for(lambda: (tmp_path / "report.html").is_file())
    send(waiting.pid, getattr(signal, number))
    assert waiting.wait(20) == 128 + getattr(signal, number)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert "stopped</h1>" in page(tmp_path) and "running" not in page(tmp_path)


def test_a_step_without_a_command_is_an_error(tmp_path):
    call = demo(tmp_path)
    call["args"].pop()
    done = subprocess.run(**call, capture_output=True, text=True)
    assert done.returncode == 1 and "no command: give it after --" in done.stderr
