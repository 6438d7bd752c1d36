"""Writes records into shards so that a killed run leaves nothing half done.

Every file is written under a temporary name and renamed. `progress.json` says that a run is under
way, each finished shard has its entry of the manifest beside it, and `manifest.json` replaces both
at the very end. Running the same command again keeps the shards whose sha256 is right, writes the
others, and gives the same bytes. Shards know nothing of each other, so that any number of threads,
processes or machines may write them.
"""

from __future__ import annotations

import collections
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import aquanet_tf
from aquanet_tf import files, progress
from aquanet_tf.data import manifest, records

PROGRESS = "progress.json"
# After the name of a shard: its entry, until the manifest is there.
ENTRY = ".json"
# Seed of the order of triplets in the shards: fixed, so that the same input gives the same bytes.
_ORDER_SEED = 1


class Unreadable(Exception):
    """An image that cannot be decoded: its triplet is left out and listed."""

    def __init__(self, path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = str(path), reason


class Encoded(NamedTuple):
    """A serialized record and the size of its images."""

    data: bytes
    height: int
    width: int


class Job(NamedTuple):
    """What to write: items (each with `.key`), how to encode one (may raise Unreadable), the
    arguments that must agree with those of an earlier run in the same directory."""

    items: Sequence
    encode: Callable[[object], Encoded]
    arguments: dict
    image_format: str
    shard_size: int


class Shard(NamedTuple):
    """One file to write: all that a thread or a machine elsewhere must know. `encode` as in Job."""

    path: pathlib.Path
    items: list
    encode: Callable[[object], Encoded]


def write(out: str | pathlib.Path, job: Job, run: Callable[[list[Shard]], None]) -> list[dict]:
    """Writes all shards of `job` into `out`, resuming; returns their entries in order.

    `run` calls `write_shard` for every Shard it is given, in any order and anywhere; `on_threads`
    is one such. The manifest is not written: call `finish`. Raises ValueError when `out` holds
    something else, OSError when the disk is full.
    """
    folder = pathlib.Path(out)
    shards = _plan(job)
    state = {"arguments": job.arguments, "plan": _fingerprint(shards), "shards": {}}
    state["shards"] = entries = _finished(folder, state, shards)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"--out={folder}: cannot be made ({error.strerror})") from error
    for stale in folder.glob("*.tmp"):
        stale.unlink(missing_ok=True)
    missing = [
        Shard(folder / name, items, job.encode)
        for name, items in shards.items()
        if name not in entries
    ]
    if missing:
        # From here on the directory is unfinished, whatever it was before.
        manifest.write(folder, state, PROGRESS)
        (folder / manifest.NAME).unlink(missing_ok=True)
        run(missing)
        entries.update({shard.path.name: _entry(shard.path) for shard in missing})
        if lost := [name for name, entry in entries.items() if entry is None]:
            raise OSError(f"{folder / lost[0]}: not there; do all workers see {folder.resolve()}?")
    return [entries[name] for name in shards]


def on_threads(shards: list[Shard], pool: Executor, window: int) -> None:
    """Writes `shards` one after the other, the triplets of each on the threads of `pool`, at most
    `window` of them in memory."""
    total = sum(len(shard.items) for shard in shards)
    with progress.bar(total=total, desc="writing triplets", unit="triplet") as bar:
        for shard in shards:
            write_shard(shard, lambda *work: in_order(*work, pool, window), bar.update)


def finish(out: str | pathlib.Path, job: Job, shards: list[dict], selection) -> dict:
    """Writes the manifest of finished shards, removes progress.json, returns the manifest.

    `selection` has `.drops`, `.dropped_files` and `.sources` of the choice of triplets.
    """
    sizes = collections.Counter()
    for shard in shards:
        sizes.update(shard["sizes"])
    height, width = max(sizes, key=lambda size: (sizes[size], size)).split("x")
    unreadable = [entry for shard in shards for entry in shard["dropped_files"]]
    drops = collections.Counter(selection.drops)
    drops["unreadable"] += len(unreadable)
    result = {
        "schema_version": records.SCHEMA_VERSION,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
        "count": sum(shard["count"] for shard in shards),
        "image_format": job.image_format,
        "image_height": int(height),
        "image_width": int(width),
        "sizes": dict(sorted(sizes.items())),
        "arguments": job.arguments,
        "drops": {reason: number for reason, number in sorted(drops.items()) if number},
        "dropped_files": _unique(selection.dropped_files + unreadable),
        "sources": selection.sources,
        "plan": _fingerprint(_plan(job)),
        "shards": shards,
    }
    manifest.write(out, result)
    # A run killed from here on leaves a finished data set and some files that nobody reads.
    (pathlib.Path(out) / PROGRESS).unlink(missing_ok=True)
    for shard in shards:
        _entry_path(pathlib.Path(out) / shard["name"]).unlink(missing_ok=True)
    return result


def digest(value) -> str:
    """sha256 of any JSON value."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _plan(job: Job) -> dict[str, list]:
    """Shard name -> items, in an order that mixes drives in every shard."""
    order = np.random.RandomState(_ORDER_SEED).permutation(len(job.items))
    number = -(-len(order) // job.shard_size)
    return {
        f"triplets-{i:05d}-of-{number:05d}.tfrecord": [job.items[j] for j in part]
        for i, part in enumerate(np.array_split(order, number))
    }


def _fingerprint(shards: dict[str, list]) -> str:
    return digest([[name, [item.key for item in items]] for name, items in shards.items()])


def _finished(folder: pathlib.Path, state: dict, shards: dict) -> dict:
    """Entries of the shards that an earlier run of the same job left complete."""
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise ValueError(f"--out={folder}: not a directory")
    fix = f"choose another --out or remove {folder}"
    before = _earlier(folder, fix)
    if before is None:
        if any(not path.name.endswith(".tmp") for path in folder.iterdir()):
            raise ValueError(f"--out={folder}: not empty and not a data set of this tool; {fix}")
        return {}
    if before["arguments"] != state["arguments"]:
        names = sorted(set(before["arguments"]) | set(state["arguments"]))
        changed = [
            f"{name} was {before['arguments'].get(name)!r}, is {state['arguments'].get(name)!r}"
            for name in names
            if before["arguments"].get(name) != state["arguments"].get(name)
        ]
        raise ValueError(
            f"--out={folder}: written with other arguments ({'; '.join(changed)}); {fix}"
        )
    if before["plan"] != state["plan"]:
        raise ValueError(f"--out={folder}: the raw data has changed since it was begun; {fix}")
    since = {name: _entry(folder / name) for name in shards}
    known = {**before["shards"], **{name: entry for name, entry in since.items() if entry}}
    return {
        name: entry
        for name, entry in known.items()
        # A shard with unreadable images is tried again: the files may have been repaired.
        if name in shards and not entry["dropped_files"] and not manifest.compare(folder, entry)
    }


def _unique(entries: list[dict]) -> list[dict]:
    """One file can spoil three triplets; it is listed once."""
    return list({entry["file"]: entry for entry in entries}.values())


def _earlier(folder: pathlib.Path, fix: str) -> dict | None:
    """State of an earlier run: from progress.json, or from the manifest of a finished one."""
    for name in (PROGRESS, manifest.NAME):
        if not (folder / name).is_file():
            continue
        try:
            state = json.loads((folder / name).read_text())
            shards = state["shards"]
            if isinstance(shards, list):
                shards = {entry["name"]: entry for entry in shards}
            return {"arguments": state["arguments"], "plan": state["plan"], "shards": shards}
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{folder / name}: damaged or not of this tool; {fix}") from None
    return None


def _entry_path(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(path.name + ENTRY)


def _entry(path: pathlib.Path) -> dict | None:
    """The entry of a shard that an unfinished run has written; None if it has not."""
    try:
        return json.loads(_entry_path(path).read_text())
    except (OSError, ValueError):
        return None


def write_shard(shard: Shard, apply: Callable = map, advance: Callable = int) -> None:
    """Writes one shard, then its entry. `apply(function, items)` yields results in order, as map
    does; `advance(1)` is called for every triplet. OSError when the disk is full."""
    path = shard.path
    sizes, dropped = collections.Counter(), []

    def encode(item):
        try:
            return shard.encode(item)
        except Unreadable as error:
            return error

    try:
        with files.atomic(path) as temporary:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for result in apply(encode, shard.items):
                    if isinstance(result, Unreadable):
                        dropped.append({"file": result.path, "reason": result.reason})
                    else:
                        writer.write(result.data)
                        sizes[f"{result.height}x{result.width}"] += 1
                    advance(1)
            size, sha256 = temporary.stat().st_size, manifest.sha256(temporary)
    except (tf.errors.OpError, OSError) as error:
        message = getattr(error, "message", str(error)).split(";")[-1].strip()
        reason = message.removeprefix(f"cannot write {path}: ")
        raise OSError(f"cannot write {path}: {reason}; run again when that is solved") from None
    entry = {
        "name": path.name,
        "count": sum(sizes.values()),
        "bytes": size,
        "sha256": sha256,
        "sizes": dict(sorted(sizes.items())),
        "dropped_files": dropped,
    }
    manifest.write(path.parent, entry, path.name + ENTRY)


def in_order(function: Callable, items: Iterable, pool: Executor, window: int) -> Iterator:
    """function(item) of all items in their order, at most `window` of them under way."""
    waiting = collections.deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
