"""A finished street in the layout of Cityscapes' sequences, with a margin and a car's hood."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

from aquanet_tf import files, progress
from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.kitti import split_file
from data_prep.layouts import cityscapes_files

# The frame of a snippet that has a camera json.
_ANNOTATED = 19


def convert(street: str, out: str, border: tuple[int, int, int, int]) -> int:
    """Writes all drives of the street in `street` below `out`; returns the number of images.

    border: margin (top, bottom, left, right) in pixels; K is shifted accordingly.

    ValueError when `street` is not a street in KITTI raw layout.
    """
    drives = kitti_layout.list_drives(street)
    held_out = {e.drive for e in split_file.read(pathlib.Path(street) / "splits/test.txt")}
    count = 0
    for number, drive in enumerate(progress.bar(drives, desc="cityscapes layout", unit="drive")):
        split = "val" if drive.name in held_out else "train"
        images = drive.images(2)
        _write_camera(out, split, number, min(_ANNOTATED, max(images)), drive, border)
        for frame, path in images.items():
            target = _path(out, cityscapes_files.IMAGES, split, number, frame, "leftImg8bit.png")
            with Image.open(path) as image:
                Image.fromarray(framed(np.asarray(image.convert("RGB")), border)).save(target)
            count += 1
    return count


def framed(image: np.ndarray, border: tuple[int, int, int, int]) -> np.ndarray:
    """The image uint8 [h, w, 3] inside a margin (top, bottom, left, right) of repeated edge pixels,
    with a dark hood in the lower margin."""
    top, bottom, left, right = border
    out = np.pad(image, ((top, bottom), (left, right), (0, 0)), mode="edge")
    height, width = out.shape[:2]
    u = np.linspace(-1, 1, width)
    rows = np.arange(height)[:, None] - (height - bottom)
    hood = rows >= bottom * 0.4 * u**2
    out[hood & (rows >= 0)] = (24, 26, 30)
    return out


def _write_camera(out, split, number, frame, drive, border) -> None:
    k = kitti_layout.intrinsics(drive.calibration, 2)
    intrinsic = {
        "fx": k[0, 0], "fy": k[1, 1], "u0": k[0, 2] + border[2], "v0": k[1, 2] + border[0],
    }  # fmt: skip
    path = _path(out, cityscapes_files.CAMERAS, split, number, frame, "camera.json")
    files.write(path, {"intrinsic": intrinsic})


def _path(out, kind, split, number, frame, ending) -> pathlib.Path:
    folder = pathlib.Path(out) / kind / split / "street"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"street_{number:06d}_{frame:06d}_{ending}"
