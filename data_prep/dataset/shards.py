"""Writes one shard of a data set, so that a killed run leaves no part of a file under its name.

A shard is written under a temporary name and renamed; its entry of the manifest follows in a file
beside it. Shards do not depend on each other: threads, processes or machines may write them in any
order.
"""

from __future__ import annotations

import collections
import json
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import NamedTuple

import tensorflow as tf

from aquanet_tf import files, progress
from aquanet_tf.data import manifest
from data_prep.dataset import origins

# Suffix of the file with a shard's entry of the manifest, until the manifest is written.
ENTRY = ".json"
# Suffix of the file in which a worker of Beam reports why it could not write a shard.
ERROR = ".error.tmp"
_ERROR_NAME = re.compile(rf"triplets-\d+-of-\d+\.tfrecord{re.escape(ERROR)}")


class Unreadable(Exception):
    """An image that cannot be decoded. Its triplet is left out and the file is listed."""

    def __init__(self, path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = str(path), reason


class Encoded(NamedTuple):
    """A serialized record, the size of its images, what it was made of, as in `origins`, and
    whether it has a distance."""

    data: bytes
    height: int
    width: int
    made_of: dict
    distance: bool = False


class Shard(NamedTuple):
    """One file to write: all that another thread or machine needs. `encode` turns an item into its
    record, or raises Unreadable."""

    path: pathlib.Path
    items: list
    encode: Callable[[object], Encoded]


def on_threads(shards: list[Shard], pool: Executor, window: int) -> None:
    """Writes `shards` one after the other, the triplets of each on the threads of `pool`, with at
    most `window` of them in memory."""
    total = sum(len(shard.items) for shard in shards)
    with progress.bar(total=total, desc="writing triplets", unit="triplet") as bar:
        for shard in shards:
            write_shard(shard, lambda *work: in_order(*work, pool, window), bar.update)


def write_shard(shard: Shard, apply: Callable = map, advance: Callable = int) -> None:
    """Writes one shard, then its entry.

    apply: like map, `apply(function, items)` yields the results in order. advance: `advance(1)` is
    called for every triplet. OSError names the shard when it cannot be written (full disk).
    """
    path = shard.path
    sizes, dropped, made_of, distances = collections.Counter(), [], [], 0

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
                        made_of.append(result.made_of)
                        distances += result.distance
                    advance(1)
            size, sha256 = temporary.stat().st_size, manifest.sha256(temporary)
    except (tf.errors.OpError, OSError) as error:
        message = getattr(error, "message", str(error)).split(";")[-1].strip()
        reason = message.removeprefix(f"cannot write {path}: ")
        raise OSError(
            f"cannot write {path}: {reason}; re-run the command when that is solved"
        ) from None
    entry = {
        "name": path.name,
        "count": sum(sizes.values()),
        "bytes": size,
        "sha256": sha256,
        "sizes": dict(sorted(sizes.items())),
        "dropped_files": dropped,
        "sources": origins.merged(made_of),
    }
    if distances:
        entry["distances"] = distances
    manifest.write(path.parent, entry, path.name + ENTRY)


def entry_path(path: pathlib.Path) -> pathlib.Path:
    """The file with the entry of the shard `path`."""
    return path.with_name(path.name + ENTRY)


def is_leftover(path: pathlib.Path) -> bool:
    """Whether it is a file that only an interrupted run leaves. Others may be the user's own."""
    ours = files.is_temporary(path) or _ERROR_NAME.fullmatch(path.name)
    return bool(ours) and path.is_file()


def read_entry(path: pathlib.Path) -> dict | None:
    """The entry of a shard that an unfinished run has written; None if there is none."""
    try:
        return json.loads(entry_path(path).read_text())
    except (OSError, ValueError):
        return None


def in_order(function: Callable, items: Iterable, pool: Executor, window: int) -> Iterator:
    """Yields function(item) of all items in order, computed on `pool` at most `window` ahead."""
    waiting = collections.deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
