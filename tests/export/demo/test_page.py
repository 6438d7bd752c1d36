"""The page of a demo: it says what is done, runs and comes, and when it was written."""

import datetime
import re

import pytest

from export.demo import page, steps
from export.report import page as report_page


@pytest.fixture
def run(tmp_path):
    """A demo whose first three steps are done."""
    (tmp_path / "done").mkdir()
    for step in steps.STEPS[:3]:
        (tmp_path / step.proof).touch()
    return tmp_path


def states(text):
    """The state of each step."""
    return [
        row[0] for row in re.findall(r"<tr class=[^>]*><td>.*?</td><td>(.*?)</td>(.*?)</tr>", text)
    ]


def written(run, code=None, **options):
    page.Page(run, "stage1", **options).write(code)
    return (run / "report.html").read_text()


def test_steps_are_done_running_or_to_come(run):
    found = states(written(run))
    assert len(found) == len(steps.STEPS)
    assert all(re.fullmatch(r"done at \d\d:\d\d:\d\d", state) for state in found[:3])
    assert re.fullmatch(r"running since \d\d:\d\d:\d\d", found[3])
    assert found[4:] == ["to come"] * (len(steps.STEPS) - 4)


def test_a_step_that_is_done_again_is_running(run):
    (run / "done" / "stage1").touch()
    assert states(written(run))[3].startswith("running since")


def test_a_step_that_failed_is_not_running(run):
    text = written(run, code=3)
    assert states(text)[3] == "stopped" and "exit code 3" in text and "stopped</h1>" in text
    assert "running" not in text


def test_the_page_reloads_and_tells_its_time(run, monkeypatch):
    moment = datetime.datetime(2030, 1, 2, 12, 31, 5)

    class Clock(datetime.datetime):
        @classmethod
        def now(cls):
            return moment

    shown = page.Page(run, "stage1")
    monkeypatch.setattr(page.datetime, "datetime", Clock)
    for code in (None, 1):  # also a stopped one: it shows when the demo is resumed
        shown.write(code)
        text = (run / "report.html").read_text()
        assert "as of <b>12:31:05</b> (2030-01-02)" in text
        assert '<meta http-equiv="refresh" content="10">' in text
    assert "refresh" not in report_page.page("a finished report", "")


def test_times_are_those_of_the_whole_demo(run):
    assert "3 min" in written(run) and "quick demo" not in written(run)
    quick = written(run, quick=True)
    assert "3 min" not in quick and "quick demo" in quick
