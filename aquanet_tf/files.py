"""JSON files, written whole or not at all and read with errors that name the file."""

from __future__ import annotations

import json
import os
import pathlib


def write(path: str | pathlib.Path, value: dict) -> None:
    """Writes `value` under a temporary name, then renames it: nobody ever reads half a file.

    OSError names the file when it cannot be written (full disk); what was there before stays.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    try:
        temporary.write_text(text)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(f"cannot write {path}: {error.strerror}") from None
    temporary.replace(path)


def read(path: str | pathlib.Path) -> dict:
    """The object in a JSON file. Raises ValueError naming a missing or damaged file."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object")
    return value
