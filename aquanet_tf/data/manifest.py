"""manifest.json: the contents of a data set directory. Written last, verified before reading.

Fields: schema_version, created_by, count, image_format, image_height, image_width (the most
common stored size), sizes ("HEIGHTxWIDTH" -> triplets), shards [{name, count, bytes, sha256}],
arguments (of the command that wrote it), sources, drops (reason -> triplets), dropped_files, and
from schema version 2 on distances (triplets with at least one known distance).
"""

from __future__ import annotations

import functools
import hashlib
import json
import pathlib

from aquanet_tf import files
from aquanet_tf.data import records

NAME = "manifest.json"
# Hashing a data set of this size takes seconds at most.
_HASH_LIMIT = 2 * 1024**3
_NEEDED = ("count", "image_format", "image_height", "image_width", "shards")


def write(directory: str | pathlib.Path, manifest: dict, name: str = NAME) -> None:
    """Writes `manifest` as JSON to `name` in `directory`, whole or not at all (`files.write`)."""
    files.write(pathlib.Path(directory) / name, manifest)


def read(directory: str | pathlib.Path) -> dict:
    """The manifest of a data set. ValueError names the file and what to do when it is missing,
    damaged or of another schema version."""
    if not str(directory):
        raise ValueError(
            "--data_dir is empty: name a directory written by python -m data_prep.kitti, "
            "data_prep.cityscapes or data_prep.video"
        )
    path = pathlib.Path(directory) / NAME
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; the data set is missing or unfinished: run the command that "
            "writes it (for example python -m data_prep.kitti) again with the same arguments"
        )
    try:
        manifest = json.loads(files.read_text(path))
        version = manifest["schema_version"]
        missing = [name for name in _NEEDED if name not in manifest]
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{path}: damaged manifest; {_REWRITE}") from None
    if version not in records.READABLE:
        raise ValueError(
            f"{path}: schema version {version}, this code reads up to {records.SCHEMA_VERSION}; "
            f"{_REWRITE}"
        )
    if missing:
        raise ValueError(f"{path}: damaged manifest, no {', '.join(missing)}; {_REWRITE}")
    if problem := _problem(manifest):
        raise ValueError(f"{path}: damaged manifest, {problem}; {_REWRITE}")
    return manifest


def _problem(manifest: dict) -> str:
    """The first field that is read later and has a wrong type, in words; empty if there is none."""
    for name in ("count", "image_height", "image_width", "distances"):
        if not _is_count(manifest.get(name, 0)):
            return f"{name} is {manifest[name]!r}"
    if manifest["image_format"] not in records.IMAGE_FORMATS:
        return f"image_format is {manifest['image_format']!r}"
    if not isinstance(manifest["shards"], list):
        return "shards is not a list"
    for shard in manifest["shards"]:
        sound = (
            isinstance(shard, dict)
            and isinstance(shard.get("name"), str)
            and pathlib.PurePath(shard["name"]).name == shard["name"] != ""
            and isinstance(shard.get("sha256"), str)
            and _is_count(shard.get("count"))
            and _is_count(shard.get("bytes"))
        )
        if not sound:
            return f"one of its shards is {str(shard)[:80]!r}"
    return ""


def _is_count(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def verify(directory: str | pathlib.Path, hashes: bool | None = None) -> dict:
    """Reads the manifest and compares every shard with it; returns the manifest.

    Compares sizes, and with `hashes` sha256 (default: only below 2 GB in all). ValueError names the
    first file that is missing or differs.
    """
    folder = pathlib.Path(directory)
    manifest = read(directory)
    if hashes is None:
        hashes = sum(shard["bytes"] for shard in manifest["shards"]) < _HASH_LIMIT
    for shard in manifest["shards"]:
        if problem := compare(folder, shard, hashes):
            raise ValueError(f"{folder / shard['name']}: {problem}; {_REWRITE}")
    if manifest["count"] != sum(shard["count"] for shard in manifest["shards"]):
        raise ValueError(f"{folder / NAME}: counts do not add up; {_REWRITE}")
    return manifest


def compare(directory: str | pathlib.Path, shard: dict, hashes: bool = True) -> str:
    """The difference between a shard file and its entry, in words; empty if there is none."""
    path = pathlib.Path(directory) / shard["name"]
    if not path.is_file():
        return "missing shard"
    if path.stat().st_size != shard["bytes"]:
        return f"{path.stat().st_size} bytes, the manifest says {shard['bytes']}"
    if hashes and _remembered_sha256(path) != shard["sha256"]:
        return "content differs from the manifest (sha256)"
    return ""


def _remembered_sha256(path: pathlib.Path) -> str:
    """`sha256`, computed again only when the file may have changed: a training opens each data set
    several times."""
    stat = path.stat()
    identity = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return _sha256_of(str(path.resolve()), identity)


@functools.lru_cache(maxsize=4096)
def _sha256_of(path: str, identity: tuple) -> str:
    del identity  # tells versions of the file apart
    return sha256(path)


def sha256(path: str | pathlib.Path) -> str:
    """Hex digest of a file, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


_REWRITE = (
    "run the command that wrote it (for example python -m data_prep.kitti) again with the same "
    "arguments: it rewrites what is wrong"
)
