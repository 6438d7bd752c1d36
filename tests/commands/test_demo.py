"""`make demo`: its steps, and the quick form from data to report; a second call does nothing."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from export.demo.steps import STEPS
from tests.support import commands

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
# Variables of a `make test` around this one; with MAKELEVEL, make prints which folder it enters.
OUTER = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def make_demo(place, *arguments):
    """Runs it in this environment, without set-up, with outputs below `place`."""
    return subprocess.run(
        ["make", "demo", "DEMO=quick", f"PY={sys.executable}", "SETUP="]
        + [f"DATA={place / 'data'}", f"RUN={place / 'run'}", *arguments],
        cwd=commands.ROOT,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name not in OUTER},
    )


def planned(place):
    """Name and command of each step that would run, and the text that says so."""
    done = make_demo(place, "-n")
    assert done.returncode == 0, done.stderr
    return re.findall(r"--step (\w+) -- (.*)", done.stdout), done.stdout


def test_the_page_lists_the_steps_of_the_makefile(tmp_path):
    found, text = planned(tmp_path)
    names = list(dict.fromkeys(name for name, _ in found))
    assert names == [step.name for step in STEPS]
    for step in STEPS:
        proof = tmp_path / "run" / step.proof
        assert f"touch {proof}\n" in text or f"--out {proof}\n" in text, step.name
    work = [line for line in text.splitlines() if line.startswith(sys.executable)]
    assert len(work) == len(found), "a step that the page does not show"


def test_the_first_step_needs_nothing_but_the_repository(tmp_path):
    command = planned(tmp_path)[0][0][1]
    released = ("--workdir", "--input")
    words = command.split()
    for flag in released:
        assert (commands.ROOT / words[words.index(flag) + 1]).exists()
    assert "aquanet_tf.predict" in command


def test_the_report_is_not_done_where_only_the_page_is_there(tmp_path):
    """The page is newer than all that the report is made from."""
    for step in STEPS[:-1]:
        proof = tmp_path / "run" / step.proof
        proof.parent.mkdir(parents=True, exist_ok=True)
        proof.touch()
    (tmp_path / "run" / "report.html").touch()
    assert [name for name, _ in planned(tmp_path)[0]] == ["report"]


def test_a_run_begun_without_a_first_picture_is_resumed(tmp_path):
    for step in STEPS[1:4]:
        proof = tmp_path / "run" / step.proof
        proof.parent.mkdir(parents=True, exist_ok=True)
        proof.touch()
    names = [name for name, _ in planned(tmp_path)[0]]
    assert names == ["first", *(step.name for step in STEPS[4:])]


@pytest.mark.slow
def test_quick_demo(tmp_path):
    first = make_demo(tmp_path)
    assert first.returncode == 0, first.stdout[-4000:] + first.stderr[-4000:]
    run = tmp_path / "run"
    assert (run / "first" / "example_color.png").is_file()
    report = (run / "report.html").read_text()
    assert "Stage 1 against stage 2" in report and "Likely moving (stage 1)" in report
    assert "http-equiv" not in report, "the finished page must not reload"
    assert (run / "stages.png").is_file()
    assert (run / "saved_model" / "1" / "saved_model.pb").is_file()
    assert list((run / "predictions").glob("*_color.png"))
    for stage in ("stage1", "stage2"):
        assert (run / stage / "evaluation.json").is_file()
        assert (run / stage / "history.csv").is_file()
    again = make_demo(tmp_path)
    assert again.returncode == 0 and "python" not in again.stdout
