"""`make demo DEMO=quick` runs from data to report, and a second call does nothing."""

import shutil
import subprocess
import sys

import pytest

from tests.support import commands


def make_demo(place):
    """Runs it in this environment, without set-up, with outputs below `place`."""
    return subprocess.run(
        ["make", "demo", "DEMO=quick", f"PY={sys.executable}", "SETUP="]
        + [f"DATA={place / 'data'}", f"RUN={place / 'run'}"],
        cwd=commands.ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_quick_demo(tmp_path):
    first = make_demo(tmp_path)
    assert first.returncode == 0, first.stdout[-4000:] + first.stderr[-4000:]
    run = tmp_path / "run"
    report = (run / "report.html").read_text()
    assert "Stage 1 against stage 2" in report and "Likely moving (stage 1)" in report
    assert (run / "stages.png").is_file()
    assert (run / "saved_model" / "1" / "saved_model.pb").is_file()
    assert list((run / "predictions").glob("*_color.png"))
    for stage in ("stage1", "stage2"):
        assert (run / stage / "evaluation.json").is_file()
        assert (run / stage / "history.csv").is_file()
    again = make_demo(tmp_path)
    assert again.returncode == 0 and "python" not in again.stdout
