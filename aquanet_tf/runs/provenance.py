"""Which version of this code is running, for run.json and the tables of results."""

from __future__ import annotations

import pathlib
import subprocess


def commit() -> str | None:
    """Hash of the commit that is checked out, with "+" after it when files have been changed since;
    None without git."""
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
