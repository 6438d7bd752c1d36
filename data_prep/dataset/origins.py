"""What a data set was made of: its cameras, and size, time and content of every source file.

Written beside the manifest as `sources.json`, so that a corrected calibration or a replaced picture
is noticed later (`changes`). Data sets without this file were made before it existed; nothing is
known about their sources, and nothing is claimed.

    cameras   where a camera is described -> size, K (as stored), lens (if it was rectified)
    files     source file below the raw directory -> "BYTES MTIME_NS SHA256", its first 16 digits
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from aquanet_tf import files
from aquanet_tf.data import manifest

NAME = "sources.json"
_DIGITS = 16


class Changes(NamedTuple):
    """Differences between a record and the sources that are there now.

    changed: one sentence each. gone: files that no longer exist.
    """

    changed: list[str]
    gone: list[str]


def name(path: str | pathlib.Path, root: str | pathlib.Path) -> str:
    """The name of a source file in a record: its path below the raw directory `root`."""
    return pathlib.Path(os.path.relpath(path, root)).as_posix()


def stamp(path: str | pathlib.Path, content: bytes) -> str:
    """The record of a source file with this content."""
    return f"{len(content)} {os.stat(path).st_mtime_ns} {_digest(content)}"


def stamp_file(path: str | pathlib.Path) -> str:
    """`stamp` of a file of any size, which is read in pieces."""
    stat = os.stat(path)
    return f"{stat.st_size} {stat.st_mtime_ns} {manifest.sha256(path)[:_DIGITS]}"


def digest(value) -> str:
    """sha256 of any JSON value."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def merged(records: Iterable[dict | None]) -> dict:
    """One record of several; of two entries of the same name the last one counts."""
    result = {"cameras": {}, "files": {}}
    for record in records:
        for part, entries in result.items():
            entries.update((record or {}).get(part, {}))
    return {part: dict(sorted(entries.items())) for part, entries in result.items()}


def read(folder: str | pathlib.Path) -> dict | None:
    """The record of a data set; None when it has none.

    ValueError names a damaged file.
    """
    path = pathlib.Path(folder) / NAME
    if not path.is_file():
        return None
    record = files.read(path)
    sound = all(isinstance(record.get(part), dict) for part in ("cameras", "files"))
    if not sound or not (
        all(map(_is_stamp, record["files"].values()))
        and all(map(_is_camera, record["cameras"].values()))
    ):
        raise ValueError(f"{path}: damaged; remove it: the sources are then not compared")
    return record


def write(folder: str | pathlib.Path, record: dict) -> None:
    """Writes the record, unless it is empty."""
    if any(record.values()):
        files.write(pathlib.Path(folder) / NAME, record)


def changes(record: dict, root: str | pathlib.Path, cameras: dict) -> Changes:
    """Compares a record with the sources below `root` (the raw directory).

    cameras: as in a record, those of now; one that is missing is not compared. A file whose time
    alone differs is unchanged when its content is.
    """
    texts = [
        f"{name}: {_difference(before, cameras[name])}"
        for name, before in record["cameras"].items()
        if name in cameras and cameras[name] != before
    ]
    with ThreadPoolExecutor(8) as pool:
        names = list(record["files"])
        differences = pool.map(lambda name: _compare(root, name, record["files"][name]), names)
        differences = dict(zip(names, differences))
    texts += [f"{name}: {text}" for name, text in differences.items() if text not in ("", "gone")]
    return Changes(texts, [name for name, text in differences.items() if text == "gone"])


def listed(texts: list[str], most: int = 3) -> str:
    """The first texts, and how many more there are."""
    more = f"; and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


def _compare(root, name: str, before: str) -> str:
    """What has changed about a file: empty, `gone`, or a sentence."""
    path = pathlib.Path(root) / name
    size, time, digest = before.split()
    try:
        stat = path.stat()
        if str(stat.st_size) != size:
            return f"replaced, {size} bytes then, {stat.st_size} now"
        if str(stat.st_mtime_ns) != time and manifest.sha256(path)[:_DIGITS] != digest:
            return "replaced, another content of the same size"
    except FileNotFoundError:
        return "gone"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return ""


def _difference(before: dict, after: dict) -> str:
    """How a camera differs, in words."""
    parts = []
    for part in ("size", "K", "lens"):
        if before.get(part) != after.get(part):
            was, now = (_words(camera.get(part)) for camera in (before, after))
            parts.append(f"{part} was {was}, is {now}")
    return ", ".join(parts)


def _words(value) -> str:
    """A size, or the numbers of a matrix without its zeros."""
    if not isinstance(value, list):
        return str(value or "none")
    return " ".join(f"{number:.7g}" for number in value if number)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _is_camera(value) -> bool:
    size = value.get("size") if isinstance(value, dict) else None
    return isinstance(size, str) and re.fullmatch(r"\d{1,6}x\d{1,6}", size) is not None


def _is_stamp(value) -> bool:
    return isinstance(value, str) and len(value.split()) == 3
