"""The folder of a data set: writes the shards that it lacks, and its manifest when all are there.

An interrupted run is resumed. While it is unfinished, the data set has `progress.json`, and every
finished shard has its entry of the manifest in a file beside it. `sources.json` (what the data set
was made of) and then `manifest.json` replace both at the very end. Re-running the command keeps the
shards whose sha256 is right (`earlier`) and writes the others, with the same bytes.
"""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Callable

import aquanet_tf
from aquanet_tf.data import manifest, records
from data_prep.dataset import earlier, origins
from data_prep.dataset.plan import Plan
from data_prep.dataset.shards import Shard, entry_path, is_leftover, read_entry


def write(out: str | pathlib.Path, plan: Plan, run: Callable[[list[Shard]], None]) -> list[dict]:
    """Writes those shards of `plan` that `out` lacks; returns the entries of all in order.

    run: calls `shards.write_shard` for every Shard of a list, as `shards.on_threads` does. The
    manifest is not written: call `finish`. Raises ValueError when `out` holds something else,
    OSError when it cannot be written (full disk).
    """
    folder = pathlib.Path(out)
    entries = earlier.kept(folder, plan)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"--out={folder}: cannot be created ({error.strerror})") from error
    for stale in filter(is_leftover, folder.glob("*.tmp")):
        stale.unlink(missing_ok=True)
    shards = plan.shards()
    missing = [
        Shard(folder / name, items, plan.encode)
        for name, items in shards.items()
        if name not in entries
    ]
    if missing:
        begun = {
            "arguments": plan.arguments,
            "plan": plan.fingerprint(),
            "shards": entries,
            "dropped_files": list(plan.left_out),
        }
        # The manifest of an earlier run stays: where this one fails, all shards that it has not
        # changed are still right, and a reader compares them with the manifest.
        manifest.write(folder, begun, earlier.PROGRESS)
        run(missing)
        entries.update({shard.path.name: read_entry(shard.path) for shard in missing})
        if lost := [name for name, entry in entries.items() if entry is None]:
            raise OSError(
                f"{folder / lost[0]}: no worker wrote it; do all of them see {folder.resolve()}?"
            )
    return [entries[name] for name in shards]


def finish(out: str | pathlib.Path, plan: Plan, shards: list[dict], selection) -> dict:
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
    content = {
        # A data set without distances is what earlier versions wrote, and they can read it.
        "schema_version": records.SCHEMA_VERSION if distances else 1,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
        "count": sum(shard["count"] for shard in shards),
        "image_format": plan.image_format,
        "image_height": int(height),
        "image_width": int(width),
        "sizes": dict(sorted(sizes.items())),
        **({"distances": distances} if distances else {}),
        "arguments": plan.arguments,
        "drops": {reason: number for reason, number in sorted(drops.items()) if number},
        "dropped_files": _unique(selection.dropped_files + unreadable),
        "sources": selection.sources,
        "plan": plan.fingerprint(),
        "shards": [{k: v for k, v in entry.items() if k != "sources"} for entry in shards],
    }
    made_of = [origins.read(out), *(entry.get("sources") for entry in shards)]
    origins.write(out, origins.merged(made_of))
    manifest.write(out, content)
    # A run killed from here on leaves a finished data set and some files that are not read.
    (pathlib.Path(out) / earlier.PROGRESS).unlink(missing_ok=True)
    for shard in shards:
        entry_path(pathlib.Path(out) / shard["name"]).unlink(missing_ok=True)
    return content


def _unique(entries: list[dict]) -> list[dict]:
    """An unreadable file, which may be part of three triplets, is listed once."""
    return list({entry["file"]: entry for entry in entries}.values())
