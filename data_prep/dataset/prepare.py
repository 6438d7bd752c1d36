"""From frames on disk to a finished data set: the steps, which are the same for all layouts.

A layout describes its recordings (`Source`). `select` chooses triplets, `encode` says how their
images are stored, `plan` deals them out to shards, and `output` writes the shards that `earlier`
does not find in the folder, then the manifest. Cameras are checked before the first image is read.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from aquanet_tf.data import records
from aquanet_tf.kitti.split_file import SplitEntry
from data_prep.dataset import beam, encode, origins, output, select, shards
from data_prep.dataset.checks import inspection
from data_prep.dataset.encode import Item, View
from data_prep.dataset.options import Options
from data_prep.dataset.plan import Plan


class Source(NamedTuple):
    """The recordings of a layout.

    command: name of the command's module, for the manifest. drives: recordings with the name,
    images, speeds and steps of a kitti_layout.Drive. cameras: their numbers. split: entries of the
    split (None: all). static: when a triplet stands still. view_of: how images of a triplet are
    stored; raises ValueError for a missing or damaged calibration, and reads no image.
    """

    command: str
    drives: Sequence
    cameras: Sequence[int]
    split: list[SplitEntry] | None
    static: select.StaticFilter
    view_of: Callable[[select.Triplet], View]


def prepare(options: Options, source: Source) -> dict:
    """Chooses, encodes and writes triplets; returns the manifest of the finished data set.

    Resumes an interrupted run of the same options. ValueError (wrong input, no triplet left, too
    many unreadable images) and OSError (disk) name the flag or file and the fix.
    """
    for name, value in dataclasses.asdict(source.static).items():
        if not math.isfinite(value):
            raise ValueError(f"--{name}={value}: expected a finite number")
    static = source.static if options.static_filter else None
    with ThreadPoolExecutor(options.threads) as pool:
        run = functools.partial(shards.on_threads, pool=pool, window=4 * options.threads)
        if options.runner == "beam":
            run = beam.runner(options.beam_options, options.threads)
        chosen = select.choose(
            source.drives, source.cameras, source.split, options.stride, static, pool
        )
        if not chosen.triplets:
            raise ValueError(_no_triplets(options, chosen))
        # Before a shard is written: repaired files are other triplets, so another data set.
        _check_bad(options, chosen, [])
        plan = _planned(options, source, chosen)
        entries = output.write(options.out, plan, run)
    _check_bad(options, chosen, entries)
    return output.finish(options.out, plan, entries, chosen)


def _planned(options: Options, source: Source, chosen: select.Selection) -> Plan:
    """The data set of the chosen triplets; notes in `chosen` which recordings get rectified."""
    # All calibrations before the first image, so that a missing one is reported at once.
    items = [Item(triplet, source.view_of(triplet)) for triplet in chosen.triplets]
    if options.distances:
        items = _with_distances(items)
    _check_cameras(options, items)
    _note_rectified(chosen, items)
    return Plan(
        items=items,
        encode=functools.partial(
            encode.encode_triplet, image_format=options.image_format, root=options.raw_dir
        ),
        arguments=_arguments(options, source, items),
        image_format=options.image_format,
        shard_size=options.shard_size,
        root=options.raw_dir,
        cameras={item.view.origin: item.view.description() for item in items},
        left_out=chosen.dropped_files,
    )


def print_summary(info: dict, out: str) -> None:
    """Prints of a manifest: notes on recordings, the number of triplets, and how many were left out
    and why."""
    notes = [f"{s['drive']}: {s['note']}" for s in info["sources"] if "note" in s]
    for note in notes[:5]:
        print(f"note: {note}")
    if len(notes) > 5:
        print(f"note: and {len(notes) - 5} more, see `sources` in {out}/manifest.json")
    drops = ", ".join(f"{number} {reason}" for reason, number in info["drops"].items())
    print(
        f"{info['count']} triplets of {info['image_height']}x{info['image_width']} in "
        f"{len(info['shards'])} shards in {out}; left out: {drops or 'none'}"
    )
    if known := info.get("distances"):
        print(f"{known} of them have the distance traveled, in meters")


def split_content(entries: list[SplitEntry]) -> str:
    """What `split_content` is among the arguments of a data set of this split."""
    return origins.digest([[entry.drive, entry.frame, entry.camera] for entry in entries])[:16]


def _with_distances(items: list[Item]) -> list[Item]:
    """The items with the meters from the target to the previous and to the next frame.

    A distance is the sum of the steps between the frames that are used, whatever the stride; it is
    unknown where one of the steps is.
    """
    steps_of, measured = {}, []
    for item in items:
        triplet = item.triplet
        recording = triplet.drive.name, triplet.camera
        if recording not in steps_of:
            steps_of[recording] = triplet.drive.steps(triplet.camera)
        steps = steps_of[recording]
        before, target, after = triplet.frames
        distances = _between(steps, before, target), _between(steps, target, after)
        measured.append(item._replace(distances=distances))
    return measured


def _between(steps: dict[int, float], first: int, last: int) -> float:
    """Meters from frame `first` to frame `last`, or records.UNKNOWN."""
    parts = [steps.get(frame) for frame in range(first, last)]
    return records.UNKNOWN if None in parts else float(sum(parts))


def _note_rectified(chosen: select.Selection, items: list[Item]) -> None:
    """Notes recordings whose images are not rectified; they are rectified when they are encoded."""
    triplets = [item.triplet for item in items if item.view.lens]
    rectified = {(triplet.drive.name, triplet.camera) for triplet in triplets}
    for source in chosen.sources:
        if (source["drive"], source.get("camera")) in rectified:
            text = "unrectified images, rectified with K, D, R_rect and P_rect of the calibration"
            source["note"] = "; ".join(filter(None, (source.get("note"), text)))


def _check_cameras(options: Options, items: list[Item]) -> None:
    """ValueError for an implausible K, before any image is written."""
    checked = set()  # many triplets share a View
    for item in items:
        triplet, stored = item.triplet, item.view
        if id(stored) in checked:
            continue
        checked.add(id(stored))
        if problem := inspection.camera_problem(stored.intrinsics, stored.size):
            raise ValueError(
                f"{triplet.drive.name} camera {triplet.camera}: stored as {problem}; correct the "
                f"calibration or {_flags(options, 'height', 'border')}"
            )


def _check_bad(options: Options, chosen: select.Selection, entries: list[dict]) -> None:
    """ValueError when more triplets have an unreadable image than --max_bad accepts.

    entries: of the shards; empty before they are written.
    """
    # Those of the shards first: after their repair the run can be resumed.
    files = [file for entry in entries for file in entry["dropped_files"]] + chosen.dropped_files
    bad = chosen.drops["unreadable"] + sum(len(entry["dropped_files"]) for entry in entries)
    planned = len(chosen.triplets) + chosen.drops["unreadable"]
    nothing = entries and not any(entry["count"] for entry in entries)
    if nothing or bad > options.max_bad * planned:
        raise ValueError(
            f"{bad} of {planned} triplets have an unreadable image (first: {files[0]['file']}: "
            f"{files[0]['reason']}), more than --max_bad={options.max_bad}; repair the files and "
            "re-run the command, or raise --max_bad"
        )


def _no_triplets(options: Options, chosen: select.Selection) -> str:
    reasons = [f"{number} {reason}" for reason, number in chosen.drops.items() if number]
    reasons += sorted({source["note"] for source in chosen.sources if "note" in source})
    return (
        f"no triplets left in --raw_dir={options.raw_dir} ({', '.join(reasons) or 'no images'}); "
        f"check {_flags(options, 'camera', 'split', 'stride', 'static_filter')}"
    )


def _flags(options: Options, *names: str) -> str:
    """Those of the flags that the command has, for a message."""
    return ", ".join(f"--{name}" for name in names if hasattr(options, name))


def _arguments(options: Options, source: Source, items: list[Item]) -> dict:
    """What determines the bytes of the data set: compared when a run is resumed, and sufficient to
    run the command again (`options.options_from`)."""
    arguments = dataclasses.asdict(options)
    for name in ("out", "threads", "max_bad", "runner", "beam_options"):
        del arguments[name]
    # Only where it matters, so that data sets of earlier versions can be resumed and repaired.
    if not any(max(item.distances) > 0 for item in items):
        del arguments["distances"]
    arguments["raw_dir"] = str(pathlib.Path(options.raw_dir).resolve())
    if source.split is not None:
        arguments["split_content"] = split_content(source.split)
    arguments = {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}
    return {"command": source.command, **arguments}
