"""The checkout of this code, for records of what computed something."""

from __future__ import annotations

import pathlib
import subprocess


def commit() -> str | None:
    """The checkout's commit, with "+" when files were changed since; None without git."""
    here = pathlib.Path(__file__).resolve().parent

    def git(*words):
        return subprocess.run(["git", "-C", here, *words], capture_output=True, text=True)

    try:
        head, changed = git("rev-parse", "HEAD"), git("status", "--porcelain", "-uno")
    except OSError:
        return None
    if head.returncode:
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
