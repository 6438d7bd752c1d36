"""Writes all shards of a data set and its manifest; resumes a run that was interrupted.

`progress.json` marks an unfinished data set, and every finished shard has its entry of the manifest
in a file beside it. `sources.json` (what the data set was made of) and then `manifest.json` replace
both at the very end. Re-running the command keeps the
shards whose sha256 is right and writes the others, with the same bytes.
"""

from __future__ import annotations

import collections
import hashlib
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

import aquanet_tf
from aquanet_tf.data import manifest, records
from data_prep.dataset import origins
from data_prep.dataset.shards import Encoded, Shard, entry_path, read_entry

PROGRESS = "progress.json"
# Seed of the order of triplets in the shards: fixed, so that the same input gives the same bytes.
_ORDER_SEED = 1


class Job(NamedTuple):
    """A data set to write.

    items: each has a `key`, and `paths` of its source files. encode: turns an item into a record,
    or raises shards.Unreadable. arguments: what determines the bytes; an interrupted run must have
    had the same. root: the raw directory. cameras: those of the items, as in a record of `origins`.
    """

    items: Sequence
    encode: Callable[[object], Encoded]
    arguments: dict
    image_format: str
    shard_size: int
    root: str
    cameras: dict


def write(out: str | pathlib.Path, job: Job, run: Callable[[list[Shard]], None]) -> list[dict]:
    """Writes those shards of `job` that `out` lacks; returns the entries of all in order.

    run: calls `shards.write_shard` for every Shard of a list, as `shards.on_threads` does. The
    manifest is not written: call `finish`. Raises ValueError when `out` holds something else,
    OSError when it cannot be written (full disk).
    """
    folder = pathlib.Path(out)
    shards = _plan(job)
    state = {"arguments": job.arguments, "plan": _fingerprint(shards), "shards": {}}
    state["shards"] = entries = _finished(folder, state, shards, job)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"--out={folder}: cannot be created ({error.strerror})") from error
    for stale in folder.glob("*.tmp"):
        stale.unlink(missing_ok=True)
    missing = [
        Shard(folder / name, items, job.encode)
        for name, items in shards.items()
        if name not in entries
    ]
    if missing:
        # From here on the data set is unfinished, whatever it was before.
        manifest.write(folder, state, PROGRESS)
        (folder / manifest.NAME).unlink(missing_ok=True)
        run(missing)
        entries.update({shard.path.name: read_entry(shard.path) for shard in missing})
        if lost := [name for name, entry in entries.items() if entry is None]:
            raise OSError(
                f"{folder / lost[0]}: no worker wrote it; do all of them see {folder.resolve()}?"
            )
    return [entries[name] for name in shards]


def finish(out: str | pathlib.Path, job: Job, shards: list[dict], selection) -> dict:
    """Writes the manifest of finished shards, removes progress.json, returns the manifest.

    shards: their entries. selection: the select.Selection, for the account of what was left out.
    """
    sizes = collections.Counter()
    for shard in shards:
        sizes.update(shard["sizes"])
    height, width = max(sizes, key=lambda size: (sizes[size], size)).split("x")
    unreadable = [entry for shard in shards for entry in shard["dropped_files"]]
    drops = collections.Counter(selection.drops)
    drops["unreadable"] += len(unreadable)
    distances = sum(shard.get("distances", 0) for shard in shards)
    result = {
        # A data set without distances is what earlier versions wrote, and they can read it.
        "schema_version": records.SCHEMA_VERSION if distances else 1,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
        "count": sum(shard["count"] for shard in shards),
        "image_format": job.image_format,
        "image_height": int(height),
        "image_width": int(width),
        "sizes": dict(sorted(sizes.items())),
        **({"distances": distances} if distances else {}),
        "arguments": job.arguments,
        "drops": {reason: number for reason, number in sorted(drops.items()) if number},
        "dropped_files": _unique(selection.dropped_files + unreadable),
        "sources": selection.sources,
        "plan": _fingerprint(_plan(job)),
        "shards": [{k: v for k, v in entry.items() if k != "sources"} for entry in shards],
    }
    made_of = [origins.read(out), *(entry.get("sources") for entry in shards)]
    origins.write(out, origins.merged(made_of))
    manifest.write(out, result)
    # A run killed from here on leaves a finished data set and some files that are not read.
    (pathlib.Path(out) / PROGRESS).unlink(missing_ok=True)
    for shard in shards:
        entry_path(pathlib.Path(out) / shard["name"]).unlink(missing_ok=True)
    return result


def arguments(folder: str | pathlib.Path) -> dict | None:
    """The arguments of the data set in a folder, finished or not; None where there is none.

    ValueError when it is damaged.
    """
    before = _earlier(pathlib.Path(folder), f"choose another --out or remove {folder}")
    return before and before["arguments"]


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


def _finished(folder: pathlib.Path, state: dict, shards: dict, job: Job) -> dict:
    """Entries of the shards that an earlier run of the same job left complete."""
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise ValueError(f"--out={folder}: not a directory")
    fix = f"choose another --out or remove {folder}"
    before = _earlier(folder, fix)
    if before is None:
        if any(not path.name.endswith(".tmp") for path in folder.iterdir()):
            raise ValueError(f"--out={folder}: not empty and not a data set; {fix}")
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
    since = {name: read_entry(folder / name) for name in shards}
    known = {**before["shards"], **{name: entry for name, entry in since.items() if entry}}
    made_of = [origins.read(folder), *(entry.get("sources") for entry in known.values())]
    changed, gone = origins.changes(origins.merged(made_of), job.root, job.cameras)
    if changed or before["plan"] != state["plan"]:
        gone = [f"{name}: gone" for name in gone]
        texts = changed + gone + _added(job, before, made_of[0])
        texts = origins.listed(texts) or "other triplets are chosen now"
        raise ValueError(
            f"--out={folder}: the raw data has changed since this data set was begun ({texts}); "
            f"restore it, or {fix}"
        )
    return {
        name: entry
        for name, entry in known.items()
        # A shard with unreadable images is tried again: the files may have been repaired.
        if name in shards and not entry["dropped_files"] and not manifest.compare(folder, entry)
    }


def _added(job: Job, before: dict, record: dict | None) -> list[str]:
    """Source files that a finished data set, with its `record`, was not made of."""
    if record is None:
        return []
    paths = dict.fromkeys(path for item in job.items for path in item.paths)
    names = {origins.name(path, job.root): path for path in paths}
    known = {*record["files"], *(origins.name(path, job.root) for path in before["dropped"])}
    return [f"{name}: added" for name in names if name not in known]


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
            dropped = [entry["file"] for entry in state.get("dropped_files", [])]
            known = {name: state[name] for name in ("arguments", "plan")}
            return {**known, "shards": shards, "dropped": dropped}
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{folder / name}: damaged, or not of a data set; {fix}") from None
    return None


def _unique(entries: list[dict]) -> list[dict]:
    """An unreadable file, which may be part of three triplets, is listed once."""
    return list({entry["file"]: entry for entry in entries}.values())
