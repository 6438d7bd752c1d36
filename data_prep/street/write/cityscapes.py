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
# What `data_prep.street` writes: the options of a street. In the output, that and the margin.
_STREET, _MADE_OF = "street.json", "cityscapes.json"


def convert(street: str, out: str, border: tuple[int, int, int, int]) -> int:
    """Writes all drives of the street in `street` below `out`; returns the number of images.

    border: margin (top, bottom, left, right) in pixels; K is shifted accordingly.

    ValueError when `street` is not a street in KITTI raw layout, and when `out` holds another one
    or anything else. The same one is written again, as after an interruption.
    """
    drives = kitti_layout.list_drives(street)
    held_out = {e.drive for e in split_file.read(pathlib.Path(street) / "splits/test.txt")}
    _claim(pathlib.Path(out), pathlib.Path(street), border)
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


def _claim(out: pathlib.Path, street: pathlib.Path, border: tuple[int, int, int, int]) -> None:
    """Notes in `out` which street it holds. ValueError when it holds anything else."""
    given = street / _STREET
    # Its options make the street. One without them is known by its place.
    made = files.read(given) if given.is_file() else {"folder": str(street.resolve())}
    content = {"street": made, "border": list(border)}
    if (out / _MADE_OF).is_file():
        if files.read(out / _MADE_OF) != content:
            raise ValueError(
                f"--out={out}: holds another street, or one of another --border (see {_MADE_OF}); "
                f"choose another --out, or remove {out}"
            )
    elif out.is_dir() and any(not files.is_temporary(path) for path in out.iterdir()):
        raise ValueError(f"--out={out}: not empty, without {_MADE_OF}; choose another --out")
    else:
        files.write(out / _MADE_OF, content)


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
