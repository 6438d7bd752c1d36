"""What an earlier run has left in the folder of a data set, and how much of it can be kept.

`progress.json` marks a data set that a run has begun to write; a finished one has `manifest.json`
alone. A run that was interrupted is resumed only by the same arguments on the same sources:
anything else would mix two data sets in one folder.
"""

from __future__ import annotations

import json
import pathlib
from typing import NamedTuple

from aquanet_tf.data import manifest
from data_prep.dataset import origins
from data_prep.dataset.plan import Plan
from data_prep.dataset.shards import is_leftover, read_entry

PROGRESS = "progress.json"


class Earlier(NamedTuple):
    """A data set in a folder, finished or not.

    arguments, plan: the arguments and the fingerprint of its `plan.Plan`. entries: shard name ->
    entry of the manifest, where that or progress.json has one. dropped: unreadable source files.
    """

    arguments: dict
    plan: str
    entries: dict[str, dict]
    dropped: list[str]


def arguments(folder: str | pathlib.Path) -> dict | None:
    """The arguments of the data set in a folder, finished or not; None where there is none.

    ValueError when it is damaged.
    """
    before = _read(pathlib.Path(folder), _fix(folder))
    return before and before.arguments


def kept(folder: pathlib.Path, plan: Plan) -> dict[str, dict]:
    """Name -> entry of the shards of `plan` that an earlier run has left complete.

    ValueError, with the fix, for a folder that holds something else: files that are no data set, or
    one of other arguments, of sources that have changed since, or of other triplets.
    """
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise ValueError(f"--out={folder}: not a directory")
    fix = _fix(folder)
    before = _read(folder, fix)
    if before is None:
        if not all(map(is_leftover, folder.iterdir())):
            raise ValueError(f"--out={folder}: not empty and not a data set; {fix}")
        return {}
    _require_same_arguments(folder, before.arguments, plan.arguments)
    names = plan.shards()
    since = {name: read_entry(folder / name) for name in names}
    entries = {**before.entries, **{name: entry for name, entry in since.items() if entry}}
    _require_same_sources(folder, before, plan, entries)
    return {
        name: entry
        for name, entry in entries.items()
        # A shard with unreadable images is tried again: the files may have been repaired.
        if name in names and not entry["dropped_files"] and not manifest.compare(folder, entry)
    }


def _require_same_arguments(folder: pathlib.Path, before: dict, now: dict) -> None:
    changed = [
        f"{name} was {before.get(name)!r}, is {now.get(name)!r}"
        for name in sorted(set(before) | set(now))
        if before.get(name) != now.get(name)
    ]
    # Wherever the file of a split is, and whatever its name, its lines count.
    if now.get("split_content") and before.get("split_content") == now["split_content"]:
        changed = [text for text in changed if not text.startswith("split was ")]
    if not changed:
        return
    raise ValueError(
        f"--out={folder}: written with other arguments ({'; '.join(changed)}); {_fix(folder)}"
    )


def _require_same_sources(folder: pathlib.Path, before: Earlier, plan: Plan, entries: dict) -> None:
    """entries: of all shards so far, with the sources of those that the record lacks."""
    record = origins.read(folder)
    made_of = [record, *(entry.get("sources") for entry in entries.values())]
    changed, gone = origins.changes(origins.merged(made_of), plan.root, plan.cameras)
    if not changed and before.plan == plan.fingerprint():
        return
    if not changed and not gone and (repaired := _repaired(plan, before)):
        raise ValueError(
            f"--out={folder}: made without files that were unreadable then and can be read now "
            f"({origins.listed(repaired)}); choose another --out, or remove {folder}, to include "
            "them"
        )
    texts = changed + [f"{name}: gone" for name in gone] + _added(plan, before.dropped, record)
    listed = origins.listed(texts) or "other triplets are chosen now"
    raise ValueError(
        f"--out={folder}: the raw data has changed since this data set was begun ({listed}); "
        f"restore it, or {_fix(folder)}"
    )


def _repaired(plan: Plan, before: Earlier) -> list[str]:
    """Source files that the earlier run could not read when it chose triplets, and that are part of
    a triplet now. One that a shard could not read was part of a triplet then, too."""
    used = {origins.name(path, plan.root) for item in plan.items for path in item.paths}
    in_shards = {
        file["file"] for entry in before.entries.values() for file in entry["dropped_files"]
    }
    names = [origins.name(path, plan.root) for path in before.dropped if path not in in_shards]
    return [name for name in names if name in used]


def _added(plan: Plan, dropped: list[str], record: dict | None) -> list[str]:
    """Source files that a finished data set, with its `record`, was not made of."""
    if record is None:
        return []
    paths = dict.fromkeys(path for item in plan.items for path in item.paths)
    names = dict.fromkeys(origins.name(path, plan.root) for path in paths)
    known = {*record["files"], *(origins.name(path, plan.root) for path in dropped)}
    return [f"{name}: added" for name in names if name not in known]


def _read(folder: pathlib.Path, fix: str) -> Earlier | None:
    """From progress.json, or from the manifest of a finished data set."""
    for name in (PROGRESS, manifest.NAME):
        if not (folder / name).is_file():
            continue
        try:
            document = json.loads((folder / name).read_text())
            entries = document["shards"]
            if isinstance(entries, list):
                entries = {entry["name"]: entry for entry in entries}
            dropped = [entry["file"] for entry in document.get("dropped_files", [])]
            return Earlier(document["arguments"], document["plan"], entries, dropped)
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{folder / name}: damaged, or not of a data set; {fix}") from None
    return None


def _fix(folder: str | pathlib.Path) -> str:
    return f"choose another --out or remove {folder}"
