"""Cityscapes' sequences on disk: frames, and K of the left camera for each snippet of video.

    ROOT/leftImg8bit_sequence/SPLIT/CITY/CITY_SEQ6_FRAME6_leftImg8bit.png
    ROOT/camera/SPLIT/CITY/CITY_SEQ6_FRAME6_camera.json    intrinsic {fx, fy, u0, v0}, in pixels

from the archives leftImg8bit_sequence_trainvaltest.zip and camera_trainvaltest.zip. A snippet has
30 frames; usually only the annotated one, the twentieth, has a json. In some cities every snippet
has a SEQ of its own, in others one SEQ covers the whole city and its frame numbers have gaps.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import pathlib
import re

import numpy as np
from PIL import Image

from aquanet_tf import files

SPLITS = ("train", "val", "test")
IMAGES, CAMERAS = "leftImg8bit_sequence", "camera"
# A json belongs to the snippet of a frame if it is less than a snippet's length away.
_SNIPPET = 30
_NAME = re.compile(r"([^.].*_\d{6})_(\d{6})_(?:leftImg8bit\.png|camera\.json)")


@dataclasses.dataclass(frozen=True)
class Sequence:
    """One SEQ: name SPLIT/CITY_SEQ6, frame number -> image file, frame number -> camera json."""

    name: str
    frames: dict[int, pathlib.Path]
    cameras: dict[int, pathlib.Path]

    def images(self, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> file of the left camera (2), in order; empty for others."""
        return self.frames if camera == 2 else {}

    def speeds(self) -> dict[int, float]:
        """Empty: whether the camera stands still is measured on the images."""
        return {}

    def calibration(self, frame: int) -> pathlib.Path:
        """The json nearest to a frame. ValueError when there is none within its snippet."""
        nearest = min(self.cameras, key=lambda number: abs(number - frame), default=None)
        if nearest is None or abs(nearest - frame) >= _SNIPPET:
            raise ValueError(
                f"{self.name} frame {frame}: no camera json within {_SNIPPET} frames; unpack "
                "camera_trainvaltest.zip beside the images"
            )
        return self.cameras[nearest]

    @functools.cached_property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the images, from the first readable one. ValueError if none is."""
        for path in self.frames.values():
            try:
                with Image.open(path) as image:
                    return image.height, image.width
            except (OSError, SyntaxError, ValueError):
                continue
        raise ValueError(f"{self.name}: no readable image")


def list_sequences(root: str | pathlib.Path, splits: tuple[str, ...]) -> list[Sequence]:
    """All sequences of the given splits, in order. ValueError when none is found."""
    root = pathlib.Path(root)
    found = []
    for split in splits:
        images = _files(root / IMAGES / split, "*_leftImg8bit.png")
        cameras = _files(root / CAMERAS / split, "*_camera.json")
        found += [
            Sequence(f"{split}/{name}", images[name], cameras.get(name, {})) for name in images
        ]
    if not found:
        raise ValueError(
            f"{root}: no {IMAGES}/{{{','.join(splits)}}}/CITY/*_leftImg8bit.png; unpack "
            "leftImg8bit_sequence_trainvaltest.zip and camera_trainvaltest.zip there"
        )
    return found


def _files(folder: pathlib.Path, pattern: str) -> dict[str, dict[int, pathlib.Path]]:
    """CITY_SEQ6 -> frame number -> file."""
    found = {}
    for path in sorted(folder.glob(f"*/{pattern}")):
        # Not the files that macOS adds beside images, ._NAME.
        if (match := _NAME.fullmatch(path.name)) and path.is_file():
            found.setdefault(match.group(1), {})[int(match.group(2))] = path
    return found


def read_camera(path: str | pathlib.Path) -> np.ndarray:
    """K [3, 3] float64 of a camera json. ValueError naming the file when it is damaged."""
    try:
        values = json.loads(files.read_text(path))["intrinsic"]
        fx, fy, u0, v0 = (float(values[name]) for name in ("fx", "fy", "u0", "v0"))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"{path}: no intrinsic with fx, fy, u0, v0 ({type(error).__name__}); unpack it again"
        ) from None
    if not all(map(math.isfinite, (fx, fy, u0, v0))) or min(fx, fy) <= 0:
        raise ValueError(
            f"{path}: fx {fx}, fy {fy}, u0 {u0}, v0 {v0} are not of a camera; unpack it again"
        )
    return np.array([[fx, 0, u0], [0, fy, v0], [0, 0, 1]])
