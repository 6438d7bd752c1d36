"""KITTI raw layout (real drives or the generated street) to TFRecord shards of triplets.

    python -m data_prep.kitti --raw_dir DIR --out DIR [--height 192] [--split FILE]
"""

from __future__ import annotations

import functools
import io
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from absl import flags
from PIL import Image

from aquanet_tf import camera as pinhole
from aquanet_tf import cli, kitti_layout, records
from data_prep import triplets, write_shards

_RAW = flags.DEFINE_string("raw_dir", "", "Directory in KITTI raw layout: DATE/DRIVE/image_02/...")
_OUT = flags.DEFINE_string("out", "", "Directory for shards and manifest.json.")
_HEIGHT = flags.DEFINE_integer(
    "height", 0, "Height of the stored images, aspect kept; 0: as recorded.", lower_bound=0
)
_SPLIT = flags.DEFINE_string(
    "split", "all", "all, or a file of lines DATE/DRIVE or DATE/DRIVE FRAME [l|r]."
)
_STRIDE = flags.DEFINE_integer("stride", 1, "Frames between neighbours.", lower_bound=1)
_CAMERA = flags.DEFINE_list("camera", ["2"], "Cameras: 2 (left colour), 3 (right colour).")
_FORMAT = flags.DEFINE_enum(
    "image_format", "jpeg", records.IMAGE_FORMATS, "jpeg: quality 95, 4:4:4; png: lossless."
)
_STATIC = flags.DEFINE_bool("static_filter", True, "Leave out triplets that stand still.")
_SPEED = flags.DEFINE_float("min_speed", 0.5, "Standing still below this, m/s (oxts).")
_DIFFERENCE = flags.DEFINE_float(
    "min_difference", 1.0, "Without oxts: standing still below this mean difference, 0..255."
)
_MAX_BAD = flags.DEFINE_float(
    "max_bad", 0.05, "Fail when more than this share is unreadable.", lower_bound=0, upper_bound=1
)
_SHARD = flags.DEFINE_integer("shard_size", 256, "Triplets in a shard, about.", lower_bound=1)
_THREADS = flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", lower_bound=1)


def main(argv):
    """Chooses, encodes and writes. ValueError and OSError name the flag or file and the fix."""
    del argv
    if not _RAW.value or not _OUT.value:
        raise ValueError("--raw_dir and --out are needed")
    drives = kitti_layout.list_drives(_RAW.value)
    split = None if _SPLIT.value == "all" else kitti_layout.read_split(_SPLIT.value)
    static = triplets.StaticFilter(_SPEED.value, _DIFFERENCE.value) if _STATIC.value else None
    with ThreadPoolExecutor(_THREADS.value) as pool:
        chosen = triplets.choose(drives, _cameras(), split, _STRIDE.value, static, pool)
        _report_sources(chosen)
        if not chosen.triplets:
            raise ValueError(_nothing(chosen))
        encode = functools.partial(
            encode_triplet, height=_HEIGHT.value, image_format=_FORMAT.value
        )
        job = write_shards.Job(
            chosen.triplets, encode, _arguments(split), _FORMAT.value, _SHARD.value
        )
        _check_calibrations(chosen.triplets)
        shards = write_shards.write(_OUT.value, job, pool, window=4 * _THREADS.value)
    _check_bad(chosen, shards)
    result = write_shards.finish(_OUT.value, job, shards, chosen)
    drops = ", ".join(f"{number} {reason}" for reason, number in result["drops"].items())
    print(
        f"{result['count']} triplets of {result['image_height']}x{result['image_width']} in "
        f"{len(shards)} shards in {_OUT.value}; left out: {drops or 'none'}"
    )


def encode_triplet(
    triplet: triplets.Triplet, height: int, image_format: str
) -> write_shards.Encoded:
    """The record of one triplet, images `height` pixels high (0: as recorded).

    Raises Unreadable for a damaged image and ValueError for one whose size is not that of the
    calibration (S_rect), since K would be wrong for it.
    """
    calibration = triplet.drive.calibration
    shape = _recorded_shape(calibration, triplet.camera)
    images, size = [], (0, 0)
    for path in triplet.paths:
        data, size = _encode(path, shape, height, image_format)
        images.append(data)
    record = records.Record(
        key=triplet.key,
        drive=triplet.drive.name,
        camera=triplet.camera,
        frame_ids=triplet.frames,
        images=tuple(images),
        height=size[0],
        width=size[1],
        intrinsics=_stored_intrinsics(calibration, triplet.camera, size),
    )
    return write_shards.Encoded(records.to_example(record), *size)


@functools.lru_cache(maxsize=None)
def _recorded_shape(calibration: pathlib.Path, camera: int) -> tuple[int, int]:
    """(height, width) that the calibration states, read once."""
    return kitti_layout.image_shape(calibration, camera)


@functools.lru_cache(maxsize=None)
def _stored_intrinsics(calibration: pathlib.Path, camera: int, size: tuple) -> np.ndarray:
    height, width = _recorded_shape(calibration, camera)
    k = kitti_layout.intrinsics(calibration, camera)
    return np.asarray(pinhole.resize_intrinsics(k, size[1] / width, size[0] / height))


def _encode(path, shape, height: int, image_format: str) -> tuple[bytes, tuple[int, int]]:
    """Encoded image and its (height, width). Bytes already as wanted are passed through."""
    try:
        source = path.read_bytes()
        with Image.open(io.BytesIO(source)) as image:
            image.load()
            kept = image.format.lower() == image_format and image.mode == "RGB"
            pixels = image.convert("RGB")
    except triplets.UNREADABLE as error:
        raise write_shards.Unreadable(path, triplets.describe(error)) from None
    if pixels.size != shape[::-1]:
        raise ValueError(
            f"{path}: {pixels.height}x{pixels.width}, but the calibration of its date says "
            f"{shape[0]}x{shape[1]} (S_rect); restore the original image or its calibration"
        )
    size = (height, round(pixels.width * height / pixels.height)) if height else shape
    if size == shape and kept:
        return source, size
    if size != shape:
        pixels = pixels.resize(size[::-1], Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if image_format == "jpeg" else {}
    pixels.save(buffer, image_format, **options)
    return buffer.getvalue(), size


def _cameras() -> list[int]:
    try:
        cameras = sorted({int(text) for text in _CAMERA.value})
    except ValueError:
        cameras = []
    if not cameras or not set(cameras) <= {0, 1, 2, 3}:
        raise ValueError(f"--camera={','.join(_CAMERA.value)}: expected camera numbers like 2,3")
    return cameras


def _arguments(split) -> dict:
    """What decides the bytes of the data set; compared when a run is resumed."""
    lines = None if split is None else [[e.drive, e.frame, e.camera] for e in split]
    return {
        "command": "data_prep.kitti",
        "raw_dir": str(pathlib.Path(_RAW.value).resolve()),
        "height": _HEIGHT.value,
        "split": "all" if split is None else write_shards.digest(lines),
        "stride": _STRIDE.value,
        "camera": _cameras(),
        "image_format": _FORMAT.value,
        "static_filter": _STATIC.value,
        "min_speed": _SPEED.value,
        "min_difference": _DIFFERENCE.value,
        "shard_size": _SHARD.value,
    }


def _check_calibrations(chosen: list[triplets.Triplet]) -> None:
    """All calibration files are read before the first image, so that a missing one is said soon."""
    for calibration, camera in sorted({(t.drive.calibration, t.camera) for t in chosen}):
        _stored_intrinsics(calibration, camera, _recorded_shape(calibration, camera))


def _check_bad(chosen: triplets.Selection, shards: list[dict]) -> None:
    files = chosen.dropped_files + [entry for shard in shards for entry in shard["dropped_files"]]
    bad = chosen.drops["unreadable"] + sum(len(shard["dropped_files"]) for shard in shards)
    planned = len(chosen.triplets) + chosen.drops["unreadable"]
    if not any(shard["count"] for shard in shards) or bad > _MAX_BAD.value * planned:
        raise ValueError(
            f"{bad} of {planned} triplets have an unreadable image (first: {files[0]['file']}: "
            f"{files[0]['reason']}), more than --max_bad={_MAX_BAD.value}; repair the files and "
            "run again, or raise --max_bad"
        )


def _report_sources(chosen: triplets.Selection) -> None:
    absent = [source for source in chosen.sources if "note" in source]
    for source in absent[:5]:
        print(f"note: {source['drive']}: {source['note']}")
    if len(absent) > 5:
        print(f"note: and {len(absent) - 5} more, see sources in the manifest")


def _nothing(chosen: triplets.Selection) -> str:
    drops = ", ".join(f"{number} {reason}" for reason, number in chosen.drops.items() if number)
    notes = "; ".join(sorted({s["note"] for s in chosen.sources if "note" in s}))
    reasons = "; ".join(part for part in (drops, notes) if part) or "no images"
    return (
        f"no triplets left in --raw_dir={_RAW.value} ({reasons}); check --camera, --split, "
        "--stride, --static_filter"
    )


if __name__ == "__main__":
    cli.run(main)
