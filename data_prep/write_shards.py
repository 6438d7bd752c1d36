"""Writes records into shards so that a killed run leaves nothing half done.

Every file is written under a temporary name and renamed. `progress.json` lists the finished
shards; `manifest.json` replaces it at the very end. Running the same command again keeps the
shards whose sha256 is right, writes the others, and gives the same bytes.
"""

from __future__ import annotations

import collections
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import aquanet_tf
from aquanet_tf import manifest, records

PROGRESS = "progress.json"
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


def write(out: str | pathlib.Path, job: Job, pool: Executor, window: int) -> list[dict]:
    """Writes all shards of `job` into `out`, resuming; returns their entries in order.

    At most `window` triplets are in memory at once. The manifest is not written: call `finish`.
    Raises ValueError when `out` holds something else, OSError when the disk is full.
    """
    folder = pathlib.Path(out)
    shards = _plan(job)
    state = {"arguments": job.arguments, "plan": _fingerprint(shards), "shards": {}}
    state["shards"] = _finished(folder, state, shards)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.tmp"):
        stale.unlink(missing_ok=True)
    if len(state["shards"]) < len(shards):
        # From here on the directory is unfinished, whatever it was before.
        manifest.write(folder, state, PROGRESS)
        (folder / manifest.NAME).unlink(missing_ok=True)
    total = sum(map(len, shards.values()))
    with tqdm(total=total, desc="writing triplets", unit="triplet") as bar:
        for name, items in shards.items():
            if name not in state["shards"]:
                state["shards"][name] = _write_shard(folder / name, items, job, pool, window, bar)
                manifest.write(folder, state, PROGRESS)
            else:
                bar.update(len(items))
    return [state["shards"][name] for name in shards]


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
    (pathlib.Path(out) / PROGRESS).unlink(missing_ok=True)
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
    return {
        name: entry
        for name, entry in before["shards"].items()
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


def _write_shard(path: pathlib.Path, items, job: Job, pool, window: int, bar) -> dict:
    """Writes one shard; the entry for the manifest."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    sizes, dropped = collections.Counter(), []

    def encode(item):
        try:
            return job.encode(item)
        except Unreadable as error:
            return error

    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for result in in_order(encode, items, pool, window):
                if isinstance(result, Unreadable):
                    dropped.append({"file": result.path, "reason": result.reason})
                else:
                    writer.write(result.data)
                    sizes[f"{result.height}x{result.width}"] += 1
                bar.update(1)
    except tf.errors.OpError as error:
        temporary.unlink(missing_ok=True)
        message = error.message.split(";")[-1].strip()
        raise OSError(f"cannot write {path}: {message}; run again when that is solved") from None
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    entry = {
        "name": path.name,
        "count": sum(sizes.values()),
        "bytes": temporary.stat().st_size,
        "sha256": manifest.sha256(temporary),
        "sizes": dict(sorted(sizes.items())),
        "dropped_files": dropped,
    }
    os.replace(temporary, path)
    return entry


def in_order(function: Callable, items: Iterable, pool: Executor, window: int) -> Iterator:
    """function(item) of all items in their order, at most `window` of them under way."""
    waiting = collections.deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
