"""From frames on disk to a finished data set: what every data_prep command of triplets shares.

A command finds its recordings and says how an image of a triplet is stored (`View`); choosing,
encoding, writing, the account in the manifest, and the flags for all that are here.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from aquanet_tf.kitti import layout as kitti_layout
from data_prep.dataset import beam, encode, inspection, select
from data_prep.dataset import shards as dataset_shards
from data_prep.dataset.encode import Item, View
from data_prep.dataset.options import Options


class Source(NamedTuple):
    """What a command brings: its module's name, recordings (as kitti_layout.Drive: name, images,
    speeds), camera numbers, the entries of the split (None: all), and the view of a triplet.
    `view_of` raises ValueError for a missing or damaged calibration, before any image is read."""

    command: str
    drives: Sequence
    cameras: Sequence[int]
    split: list[kitti_layout.SplitEntry] | None
    static: select.StaticFilter
    view_of: Callable[[select.Triplet], View]


def prepare(options: Options, source: Source) -> dict:
    """Chooses, encodes and writes triplets; the manifest of the finished data set.

    Running it again completes an interrupted run. ValueError (wrong input, empty result, too
    many unreadable images) and OSError (disk) name the flag or file and the fix.
    """
    for name, value in dataclasses.asdict(source.static).items():
        if not math.isfinite(value):
            raise ValueError(f"--{name}={value}: expected a finite number")
    static = source.static if options.static_filter else None
    with ThreadPoolExecutor(options.threads) as pool:
        run = functools.partial(dataset_shards.on_threads, pool=pool, window=4 * options.threads)
        if options.runner == "beam":
            run = beam.runner(options.beam_options, options.threads)
        chosen = select.choose(
            source.drives, source.cameras, source.split, options.stride, static, pool
        )
        if not chosen.triplets:
            raise ValueError(_nothing(options, chosen))
        # All calibrations before the first image, so that a missing one is said at once.
        items = [Item(triplet, source.view_of(triplet)) for triplet in chosen.triplets]
        _check_cameras(items)
        job = dataset_shards.Job(
            items,
            functools.partial(encode.encode_triplet, image_format=options.image_format),
            _arguments(options, source),
            options.image_format,
            options.shard_size,
        )
        shards = dataset_shards.write(options.out, job, run)
    _check_bad(options, chosen, shards)
    return dataset_shards.finish(options.out, job, shards, chosen)


def _check_cameras(items: list[Item]) -> None:
    """ValueError for a K that no camera has, before hours are spent with it."""
    seen = set()
    for triplet, stored in items:
        if id(stored) in seen:
            continue
        seen.add(id(stored))
        if problem := inspection.camera_problem(stored.intrinsics, stored.size):
            raise ValueError(
                f"{triplet.drive.name} camera {triplet.camera}: stored as {problem}; correct the "
                "calibration, --height or what is cut off"
            )


def _check_bad(options: Options, chosen, shards: list[dict]) -> None:
    files = chosen.dropped_files + [entry for shard in shards for entry in shard["dropped_files"]]
    bad = chosen.drops["unreadable"] + sum(len(shard["dropped_files"]) for shard in shards)
    planned = len(chosen.triplets) + chosen.drops["unreadable"]
    if not any(shard["count"] for shard in shards) or bad > options.max_bad * planned:
        raise ValueError(
            f"{bad} of {planned} triplets have an unreadable image (first: {files[0]['file']}: "
            f"{files[0]['reason']}), more than --max_bad={options.max_bad}; repair the files and "
            "run again, or raise --max_bad"
        )


def _nothing(options: Options, chosen: select.Selection) -> str:
    reasons = [f"{number} {reason}" for reason, number in chosen.drops.items() if number]
    reasons += sorted({source["note"] for source in chosen.sources if "note" in source})
    return (
        f"no triplets left in --raw_dir={options.raw_dir} ({', '.join(reasons) or 'no images'}); "
        "check --camera, --split, --stride, --static_filter"
    )


def print_summary(result: dict, out: str) -> None:
    """What a finished run says: recordings with a note, counts, what was left out and why."""
    notes = [f"{s['drive']}: {s['note']}" for s in result["sources"] if "note" in s]
    for note in notes[:5]:
        print(f"note: {note}")
    if len(notes) > 5:
        print(f"note: and {len(notes) - 5} more, see sources in the manifest")
    drops = ", ".join(f"{number} {reason}" for reason, number in result["drops"].items())
    print(
        f"{result['count']} triplets of {result['image_height']}x{result['image_width']} in "
        f"{len(result['shards'])} shards in {out}; left out: {drops or 'none'}"
    )


def _arguments(options: Options, source: Source) -> dict:
    """What decides the bytes of the data set; compared when a run is resumed, and enough to give
    the command again (`options_from`)."""
    arguments = dataclasses.asdict(options)
    for name in ("out", "threads", "max_bad", "runner", "beam_options"):
        del arguments[name]
    arguments["raw_dir"] = str(pathlib.Path(options.raw_dir).resolve())
    if source.split is not None:
        lines = [[entry.drive, entry.frame, entry.camera] for entry in source.split]
        arguments["split_content"] = dataset_shards.digest(lines)[:16]
    arguments = {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}
    return {"command": source.command, **arguments}
