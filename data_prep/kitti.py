"""KITTI raw layout (real drives or the generated street) to TFRecord shards of triplets:

python -m data_prep.kitti --raw_dir DIR --out DIR [--height 192] [--split FILE]
"""

from __future__ import annotations

import dataclasses
import functools
import io
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from absl import flags
from PIL import Image

from aquanet_tf import camera as pinhole
from aquanet_tf import cli, kitti_layout, records
from data_prep import triplets, write_shards


@dataclasses.dataclass(frozen=True)
class Options:
    """What to write; every field is a flag of the same name (see `define_flags`)."""

    raw_dir: str
    out: str
    height: int = 0
    split: str = "all"
    stride: int = 1
    camera: tuple[int, ...] = (2,)
    image_format: str = "jpeg"
    static_filter: bool = True
    min_speed: float = 0.5
    min_difference: float = 1.0
    max_bad: float = 0.05
    shard_size: int = 256
    threads: int = 1


def prepare(options: Options) -> dict:
    """Chooses, encodes and writes triplets; the manifest of the finished data set.

    Running it again completes an interrupted run. ValueError (wrong input, empty result, too
    many unreadable images) and OSError (disk) name the flag or file and the fix.
    """
    drives = kitti_layout.list_drives(options.raw_dir)
    split = None if options.split == "all" else kitti_layout.read_split(options.split)
    static = None
    if options.static_filter:
        static = triplets.StaticFilter(options.min_speed, options.min_difference)
    with ThreadPoolExecutor(options.threads) as pool:
        chosen = triplets.choose(drives, options.camera, split, options.stride, static, pool)
        if not chosen.triplets:
            raise ValueError(_nothing(options, chosen))
        # All calibrations before the first image, so that a missing one is said at once.
        cameras = {
            (file, camera): stored_camera(file, camera, options.height)
            for file, camera in sorted({(t.drive.calibration, t.camera) for t in chosen.triplets})
        }
        encode = functools.partial(
            encode_triplet, cameras=cameras, image_format=options.image_format
        )
        job = write_shards.Job(
            chosen.triplets,
            encode,
            _arguments(options, split),
            options.image_format,
            options.shard_size,
        )
        shards = write_shards.write(options.out, job, pool, window=4 * options.threads)
    _check_bad(options, chosen, shards)
    return write_shards.finish(options.out, job, shards, chosen)


class Stored(NamedTuple):
    """One camera of one date: (height, width) as recorded and as stored, K [3, 3] as stored."""

    recorded: tuple[int, int]
    size: tuple[int, int]
    intrinsics: np.ndarray


def stored_camera(calibration: str | pathlib.Path, camera: int, height: int) -> Stored:
    """Size and K of images stored `height` pixels high (0: as recorded), aspect kept.

    ValueError when the calibration file is missing or damaged.
    """
    rows, columns = kitti_layout.image_shape(calibration, camera)
    size = (height, max(1, round(columns * height / rows))) if height else (rows, columns)
    k = kitti_layout.intrinsics(calibration, camera)
    k = pinhole.resize_intrinsics(k, size[1] / columns, size[0] / rows)
    return Stored((rows, columns), size, np.asarray(k, np.float32))


def encode_triplet(
    triplet: triplets.Triplet, cameras: dict, image_format: str
) -> write_shards.Encoded:
    """The record of one triplet; `cameras` maps (calibration file, camera) to Stored.

    Raises Unreadable for a damaged image and ValueError for one whose size is not that of the
    calibration (S_rect), since K would be wrong for it.
    """
    stored = cameras[triplet.drive.calibration, triplet.camera]
    record = records.Record(
        key=triplet.key,
        drive=triplet.drive.name,
        camera=triplet.camera,
        frame_ids=triplet.frames,
        images=tuple(_encode(path, stored, image_format) for path in triplet.paths),
        height=stored.size[0],
        width=stored.size[1],
        intrinsics=stored.intrinsics,
    )
    return write_shards.Encoded(records.to_example(record), *stored.size)


def _encode(path: pathlib.Path, stored: Stored, image_format: str) -> bytes:
    """The encoded image. Bytes that are already as wanted are passed through."""
    try:
        source = path.read_bytes()
        with Image.open(io.BytesIO(source)) as image:
            as_wanted = image.format.lower() == image_format and image.mode == "RGB"
            pixels = image.convert("RGB")
    except triplets.UNREADABLE as error:
        raise write_shards.Unreadable(path, triplets.describe(error)) from None
    if pixels.size != stored.recorded[::-1]:
        raise ValueError(
            f"{path}: {pixels.height}x{pixels.width}, but the calibration of its date says "
            f"{stored.recorded[0]}x{stored.recorded[1]} (S_rect); restore the original image or "
            "its calibration"
        )
    if stored.size != stored.recorded:
        pixels = pixels.resize(stored.size[::-1], Image.Resampling.LANCZOS)
    elif as_wanted:
        return source
    buffer = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if image_format == "jpeg" else {}
    pixels.save(buffer, image_format, **options)
    return buffer.getvalue()


def _arguments(options: Options, split) -> dict:
    """What decides the bytes of the data set; compared when a run is resumed."""
    arguments = dataclasses.asdict(options)
    for name in ("out", "threads", "max_bad"):
        del arguments[name]
    arguments["raw_dir"] = str(pathlib.Path(options.raw_dir).resolve())
    arguments["camera"] = list(options.camera)
    if split is not None:
        lines = [[entry.drive, entry.frame, entry.camera] for entry in split]
        arguments["split"] = f"{options.split} (content {write_shards.digest(lines)[:16]})"
    return {"command": "data_prep.kitti", **arguments}


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


def define_flags() -> None:
    """The flags of the command."""
    positive = {"lower_bound": 1}
    flags.DEFINE_string("raw_dir", None, "KITTI raw layout: DATE/DRIVE/image_02.", required=True)
    flags.DEFINE_string("out", None, "Directory for shards and manifest.json.", required=True)
    flags.DEFINE_integer(
        "height", 0, "Height of the stored images, aspect kept; 0: as recorded.", lower_bound=0
    )
    flags.DEFINE_string("split", "all", "all, or a file: DATE/DRIVE or DATE/DRIVE FRAME [l|r].")
    flags.DEFINE_integer("stride", 1, "Frames between neighbours.", **positive)
    flags.DEFINE_list("camera", ["2"], "Cameras: 2 (left colour), 3 (right colour).")
    flags.DEFINE_enum(
        "image_format", "jpeg", records.IMAGE_FORMATS, "jpeg: quality 95, 4:4:4; png: lossless."
    )
    flags.DEFINE_bool("static_filter", True, "Leave out triplets that stand still.")
    flags.DEFINE_float("min_speed", 0.5, "Standing still below this, m/s (drives with oxts).")
    flags.DEFINE_float(
        "min_difference", 1.0, "Drives without oxts: below this mean difference, 0..255."
    )
    flags.DEFINE_float(
        "max_bad", 0.05, "Largest share of unreadable triplets.", lower_bound=0, upper_bound=1
    )
    flags.DEFINE_integer("shard_size", 256, "Triplets in a shard, at most.", **positive)
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", **positive)


def main(argv):
    """Command line: `prepare`, then a summary."""
    del argv
    values = {field.name: flags.FLAGS[field.name].value for field in dataclasses.fields(Options)}
    result = prepare(Options(**{**values, "camera": _cameras(values["camera"])}))
    notes = [f"{s['drive']}: {s['note']}" for s in result["sources"] if "note" in s]
    for note in notes[:5]:
        print(f"note: {note}")
    if len(notes) > 5:
        print(f"note: and {len(notes) - 5} more, see sources in the manifest")
    drops = ", ".join(f"{number} {reason}" for reason, number in result["drops"].items())
    print(
        f"{result['count']} triplets of {result['image_height']}x{result['image_width']} in "
        f"{len(result['shards'])} shards in {flags.FLAGS.out}; left out: {drops or 'none'}"
    )


def _cameras(words: list[str]) -> tuple[int, ...]:
    if not words or not set(words) <= {"0", "1", "2", "3"}:
        raise ValueError(f"--camera={','.join(words)}: expected camera numbers like 2,3")
    return tuple(sorted(int(word) for word in set(words)))


if __name__ == "__main__":
    define_flags()
    cli.run(main)
