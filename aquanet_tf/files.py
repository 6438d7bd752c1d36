"""Files that are written whole or not at all, and JSON on top of them.

`plain_folder` gives TensorFlow a path that it does not read as a pattern.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import pathlib
import re
import tempfile
import uuid
from collections.abc import Iterator

_TEMPORARY = re.compile(r"\..{1,40}\.[0-9a-f]{12}\.tmp", re.DOTALL)


def is_temporary(path: pathlib.Path) -> bool:
    """Whether a path has the name of a temporary file of `atomic`, as a killed process leaves."""
    return _TEMPORARY.fullmatch(path.name) is not None


@contextlib.contextmanager
def atomic(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`; when the block ends, the file there becomes `path`.

    The file reaches the disk before it is renamed, so a reader finds the old or the new file, never
    a part of it, even after a power failure. The parent directory is made. When the block raises,
    the temporary file is removed and the old file stays; only a killed process leaves a temporary
    file, whose name ends in `.tmp`.

    Raises OSError `cannot write PATH: reason` when the temporary file cannot be written. Other
    errors of the block pass unchanged.
    """
    path = pathlib.Path(path)
    # Unlike a process number, different on every machine that shares the directory. The name is
    # cut, because one that the file system just allows would become too long.
    temporary = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if _concerns(error, temporary):
            raise OSError(f"cannot write {path}: {error.strerror}") from error
        raise
    finally:
        with contextlib.suppress(OSError):  # there may be no such directory
            temporary.unlink()


@contextlib.contextmanager
def named(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields `path` to be written; an OSError, as of a full disk, gets its name and the fix.

    For many files that a run writes again when it was interrupted: they need not be `atomic`.
    """
    try:
        yield path
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"cannot write {path}: {reason}; re-run the command when that is solved"
        ) from error


def _concerns(error: OSError, path: pathlib.Path) -> bool:
    """Whether the system raised `error` for `path` or a directory above it. An error while writing
    to an open file has no name."""
    if error.errno is None:
        return False
    where = error.filename
    return where is None or pathlib.Path(os.fsdecode(where)) in (path, *path.parents)


def read_text(path: str | pathlib.Path, errors: str = "strict") -> str:
    """The text of a file; see `text`."""
    return text(pathlib.Path(path).read_bytes(), errors)


def text(data: bytes, errors: str = "strict") -> str:
    """Text in UTF-8, or as Windows editors save it: with a byte order mark, or in UTF-16.

    errors: "strict" raises ValueError (UnicodeDecodeError) for other bytes, "replace" replaces
    them.
    """
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif len(data) > 1 and 0 in data[:2] and any(data[:2]):  # UTF-16 without a mark
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    return data.decode(encoding, errors)


def write_text(path: str | pathlib.Path, content: str) -> None:
    """Writes text in UTF-8, whole or not at all, wherever the machine is. Raises OSError as
    `atomic`."""
    with atomic(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def write(path: str | pathlib.Path, value: dict) -> None:
    """Writes `value` as JSON, whole or not at all. Raises OSError as `atomic` does and ValueError
    for NaN and infinity; what was there before stays."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read(path: str | pathlib.Path) -> dict:
    """The object in a JSON file. Raises ValueError naming a missing or damaged file."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object")
    return value


# Signs of a pattern in the paths of checkpoints and SavedModels, and the sign that quotes them.
_PATTERN = frozenset("*?[]\\")


def is_pattern(path: str | pathlib.Path) -> bool:
    """Whether TensorFlow may read the path of a checkpoint or SavedModel as a pattern."""
    return not _PATTERN.isdisjoint(os.fspath(path))


@contextlib.contextmanager
def plain_folder(folder: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a path of `folder` that TensorFlow reads as it stands.

    TensorFlow reads `[ ] * ?` and the backslash in a path of a checkpoint or a SavedModel as a
    pattern: it does not find `run [v2]`, and removing old files in `a*b` removes those in `aXb`.
    Such a folder gets a link with a plain name while the block runs. Any other is yielded
    unchanged. Raises ValueError when there is no place for the link.
    """
    folder = pathlib.Path(folder)
    whole = folder.absolute()
    if not is_pattern(whole):
        yield folder
        return
    places = [place for place in (tempfile.gettempdir(), "/tmp", "/var/tmp") if _usable(place)]
    if not places:
        raise ValueError(
            f"{folder}: TensorFlow cannot read this name; set TMPDIR to a plain folder"
        )
    with tempfile.TemporaryDirectory(prefix="aquanet-", dir=places[0]) as place:
        link = pathlib.Path(place) / "folder"
        link.symlink_to(whole, target_is_directory=True)
        yield link


def _usable(place: str) -> bool:
    return not is_pattern(place) and os.access(place, os.W_OK)
