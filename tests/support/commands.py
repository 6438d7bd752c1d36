"""Runs commands of the project as a user does, from the root of the repository."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(module, *arguments, **options):
    """Runs `python -m module arguments` without GPU; returns the CompletedProcess, output as text.

    options: of subprocess.run; env replaces the environment.
    """
    environment = {
        **options.pop("env", os.environ),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_NUM_INTRAOP_THREADS": "2",
    }
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )


def assert_user_error(done, *words):
    """Exit code 1, one line `error: ...` that contains `words`, and no traceback."""
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    for word in words:
        assert str(word) in lines[0], done.stderr
