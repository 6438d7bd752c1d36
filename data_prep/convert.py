"""From frames on disk to a finished data set: what every data_prep command of triplets shares.

A command finds its recordings and says how an image of a triplet is stored (`View`); choosing,
encoding, writing, the account in the manifest, and the flags for all that are here.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import os
import pathlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from absl import flags
from PIL import Image

from aquanet_tf import camera as pinhole
from aquanet_tf import images, kitti_layout, records
from data_prep import beam_runner, record_check, triplets, write_shards

LARGEST = 8192  # --height


@dataclasses.dataclass(frozen=True)
class Options:
    """What to write; every field is a flag of the same name (see `define_flags`). Commands add
    fields of their own."""

    raw_dir: str
    out: str
    height: int = 0
    split: str = "all"
    stride: int = 1
    image_format: str = "jpeg"
    static_filter: bool = True
    min_difference: float = 1.0
    max_bad: float = 0.05
    shard_size: int = 256
    threads: int = 1
    runner: str = "threads"
    beam_options: str = ""


class View(NamedTuple):
    """How images of one camera are stored: (height, width) as recorded, the window (top, left,
    height, width) of it that is kept, (height, width) as stored, K [3, 3] as stored."""

    recorded: tuple[int, int]
    window: tuple[int, int, int, int]
    size: tuple[int, int]
    intrinsics: np.ndarray


class Item(NamedTuple):
    """A triplet and how its images are stored."""

    triplet: triplets.Triplet
    view: View

    @property
    def key(self) -> str:
        return self.triplet.key


class Source(NamedTuple):
    """What a command brings: its module's name, recordings (as kitti_layout.Drive: name, images,
    speeds), camera numbers, the entries of the split (None: all), and the view of a triplet.
    `view_of` raises ValueError for a missing or damaged calibration, before any image is read."""

    command: str
    drives: Sequence
    cameras: Sequence[int]
    split: list[kitti_layout.SplitEntry] | None
    static: triplets.StaticFilter
    view_of: Callable[[triplets.Triplet], View]


def view(recorded, k, height: int = 0, window=None) -> View:
    """The View of images `recorded` (height, width) with K [3, 3], cut to `window` (None: whole),
    then resized to `height` (0: as cut), aspect kept."""
    top, left, rows, columns = window = window or (0, 0, *recorded)
    size = (height, max(1, round(columns * height / rows))) if height else (rows, columns)
    k = pinhole.crop_intrinsics(np.asarray(k, np.float64), left, top)
    k = pinhole.resize_intrinsics(k, size[1] / columns, size[0] / rows)
    return View(tuple(recorded), tuple(window), size, np.asarray(k, np.float32))


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
        run = functools.partial(write_shards.on_threads, pool=pool, window=4 * options.threads)
        if options.runner == "beam":
            run = beam_runner.runner(options.beam_options, options.threads)
        chosen = triplets.choose(
            source.drives, source.cameras, source.split, options.stride, static, pool
        )
        if not chosen.triplets:
            raise ValueError(_nothing(options, chosen))
        # All calibrations before the first image, so that a missing one is said at once.
        items = [Item(triplet, source.view_of(triplet)) for triplet in chosen.triplets]
        _check_cameras(items)
        job = write_shards.Job(
            items,
            functools.partial(encode_triplet, image_format=options.image_format),
            _arguments(options, source),
            options.image_format,
            options.shard_size,
        )
        shards = write_shards.write(options.out, job, run)
    _check_bad(options, chosen, shards)
    return write_shards.finish(options.out, job, shards, chosen)


def _check_cameras(items: list[Item]) -> None:
    """ValueError for a K that no camera has, before hours are spent with it."""
    seen = set()
    for triplet, stored in items:
        if id(stored) in seen:
            continue
        seen.add(id(stored))
        if problem := record_check.camera_problem(stored.intrinsics, stored.size):
            raise ValueError(
                f"{triplet.drive.name} camera {triplet.camera}: stored as {problem}; correct the "
                "calibration, --height or what is cut off"
            )


def encode_triplet(item: Item, image_format: str) -> write_shards.Encoded:
    """The serialized record of one triplet.

    Raises Unreadable for a damaged image and ValueError for one whose size is not that of the
    calibration, since K would be wrong for it.
    """
    triplet, stored = item
    record = records.Record(
        key=triplet.key,
        drive=triplet.drive.name,
        camera=triplet.camera,
        frame_ids=triplet.frames,
        images=tuple(encode_image(path, stored, image_format) for path in triplet.paths),
        height=stored.size[0],
        width=stored.size[1],
        intrinsics=stored.intrinsics,
    )
    return write_shards.Encoded(records.to_example(record), *stored.size)


def encode_image(path: pathlib.Path, stored: View, image_format: str) -> bytes:
    """The encoded image as its View says. Bytes that are already as wanted are passed through.

    Grey, palette, CMYK, transparent and 16-bit pictures become RGB, as images.to_rgb has it.
    Raises as encode_triplet; ValueError too for a picture with an EXIF tag of rotation.
    """
    try:
        source = path.read_bytes()
        images.check_sums(io.BytesIO(source))
        with Image.open(io.BytesIO(source)) as image:
            as_wanted = image.format.lower() == image_format and image.mode == "RGB"
            turned = images.is_turned(image)
            pixels = images.to_rgb(image)
    except triplets.UNREADABLE as error:
        raise write_shards.Unreadable(path, triplets.describe(error)) from None
    if turned:
        raise ValueError(
            f"{path}: its EXIF tag says that it is to be turned or mirrored, and nobody knows "
            "whether the calibration is for the picture before or after that; turn the pixels, or "
            "remove the tag, whichever agrees with the calibration"
        )
    if pixels.size != stored.recorded[::-1]:
        raise ValueError(
            f"{path}: {pixels.height}x{pixels.width}, but the calibration says "
            f"{stored.recorded[0]}x{stored.recorded[1]}; restore the original image or its "
            "calibration"
        )
    top, left, rows, columns = stored.window
    if (rows, columns) != stored.recorded:
        pixels, as_wanted = pixels.crop((left, top, left + columns, top + rows)), False
    if stored.size != (rows, columns):
        pixels, as_wanted = pixels.resize(stored.size[::-1], Image.Resampling.LANCZOS), False
    return source if as_wanted else encode_pixels(pixels, image_format)


def encode_pixels(pixels: Image.Image, image_format: str) -> bytes:
    """An RGB picture as JPEG (quality 95, 4:4:4) or PNG."""
    options = {"quality": 95, "subsampling": 0} if image_format == "jpeg" else {}
    # Into a file Pillow encodes JPEG without Python's lock; into a buffer it stops other threads.
    linux = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("picture"), "w+b") if linux else io.BytesIO() as file:
        pixels.save(file, image_format, **options)
        file.seek(0)
        return file.read()


def _arguments(options: Options, source: Source) -> dict:
    """What decides the bytes of the data set; compared when a run is resumed, and enough to give
    the command again (`options_from`)."""
    arguments = dataclasses.asdict(options)
    for name in ("out", "threads", "max_bad", "runner", "beam_options"):
        del arguments[name]
    arguments["raw_dir"] = str(pathlib.Path(options.raw_dir).resolve())
    if source.split is not None:
        lines = [[entry.drive, entry.frame, entry.camera] for entry in source.split]
        arguments["split_content"] = write_shards.digest(lines)[:16]
    arguments = {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}
    return {"command": source.command, **arguments}


def options_from(kind: type, arguments: dict, **others) -> Options:
    """Options of class `kind` from the arguments of a manifest; `others` are those not in it.

    ValueError when the arguments are not those of the command.
    """
    names = {field.name for field in dataclasses.fields(kind)}
    try:
        return kind(**{k: v for k, v in arguments.items() if k in names}, **others)
    except TypeError as error:
        raise ValueError(f"arguments in the manifest: {error}") from None


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


def _nothing(options: Options, chosen: triplets.Selection) -> str:
    reasons = [f"{number} {reason}" for reason, number in chosen.drops.items() if number]
    reasons += sorted({source["note"] for source in chosen.sources if "note" in source})
    return (
        f"no triplets left in --raw_dir={options.raw_dir} ({', '.join(reasons) or 'no images'}); "
        "check --camera, --split, --stride, --static_filter"
    )


def define_flags(kind: type, raw_dir: str, split: str) -> None:
    """The flags of `Options`, with the defaults of the class `kind`; help of two of them."""
    default = {field.name: field.default for field in dataclasses.fields(kind)}
    positive = {"lower_bound": 1}
    flags.DEFINE_string("raw_dir", None, raw_dir, required=True)
    flags.DEFINE_string("out", None, "Directory for shards and manifest.json.", required=True)
    flags.DEFINE_integer(
        "height", 0, "Height of the stored images, aspect kept; 0: as recorded.", 0, LARGEST
    )
    flags.DEFINE_string("split", default["split"], split)
    flags.DEFINE_integer("stride", default["stride"], "Frames between neighbours.", **positive)
    flags.DEFINE_enum(
        "image_format", "jpeg", records.IMAGE_FORMATS, "jpeg: quality 95, 4:4:4; png: lossless."
    )
    flags.DEFINE_bool("static_filter", True, "Leave out triplets that stand still.")
    flags.DEFINE_float(
        "min_difference", 1.0, "Without oxts: still is below this mean difference, 0..255."
    )
    flags.DEFINE_float(
        "max_bad", 0.05, "Largest share of unreadable triplets.", lower_bound=0, upper_bound=1
    )
    flags.DEFINE_integer("shard_size", 256, "Triplets in a shard, at most.", **positive)
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", **positive)
    flags.DEFINE_enum(
        "runner", "threads", ("threads", "beam"), "beam: as an Apache Beam pipeline (extra `beam`)."
    )
    flags.DEFINE_string(
        "beam_options", "", "Options of Beam, as --runner=FlinkRunner; empty: on this machine."
    )


def from_flags(kind: type, **others) -> Options:
    """Options of class `kind` from the flags; `others` replace flags that need translation."""
    names = [field.name for field in dataclasses.fields(kind) if field.name not in others]
    return kind(**{name: flags.FLAGS[name].value for name in names}, **others)


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
