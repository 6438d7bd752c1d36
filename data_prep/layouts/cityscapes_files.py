"""Cityscapes' sequences on disk: frames, and K of the left camera for each snippet of video.

    ROOT/leftImg8bit_sequence/SPLIT/CITY/CITY_SEQ6_FRAME6_leftImg8bit.png
    ROOT/camera/SPLIT/CITY/CITY_SEQ6_FRAME6_camera.json    intrinsic {fx, fy, u0, v0}, in pixels

from the archives leftImg8bit_sequence_trainvaltest.zip and camera_trainvaltest.zip. Two archives
more tell the distance traveled, vehicle_sequence (speed, m/s) and timestamp_sequence (ns):

    ROOT/vehicle_sequence/SPLIT/CITY/CITY_SEQ6_FRAME6_vehicle.json
    ROOT/timestamp_sequence/SPLIT/CITY/CITY_SEQ6_FRAME6_timestamp.txt

A snippet has
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
VEHICLES, STAMPS = "vehicle_sequence", "timestamp_sequence"
# A json belongs to the snippet of a frame if it is less than a snippet's length away.
_SNIPPET = 30
_NAME = re.compile(
    r"([^.].*_\d{6})_(\d{6})_(?:leftImg8bit\.png|camera\.json|vehicle\.json|timestamp\.txt)"
)
# Frames per second of the camera; time stamps, where they are unpacked, are exact.
_RATE = 17.0
# Frames in a row are never this many seconds apart.
_GAP = 1.0


@dataclasses.dataclass(frozen=True)
class Sequence:
    """One SEQ: name SPLIT/CITY_SEQ6, and frame number -> image file, camera json, vehicle json
    and time stamp."""

    name: str
    frames: dict[int, pathlib.Path]
    cameras: dict[int, pathlib.Path]
    vehicles: dict[int, pathlib.Path] = dataclasses.field(default_factory=dict)
    stamps: dict[int, pathlib.Path] = dataclasses.field(default_factory=dict)

    def images(self, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> file of the left camera (2), in order; empty for others."""
        return self.frames if camera == 2 else {}

    def speeds(self) -> dict[int, float]:
        """Empty: whether the camera stands still is measured on the images."""
        return {}

    def steps(self, camera: int) -> dict[int, float]:
        """Frame number -> meters traveled to the next frame, from the speeds of the vehicle jsons.

        Frames without a readable json are missing.
        """
        del camera
        speeds = {frame: _speed(path) for frame, path in self.vehicles.items()}
        found = {}
        for frame, speed in speeds.items():
            after, seconds = speeds.get(frame + 1), self._seconds_after(frame)
            if None not in (speed, after, seconds):
                found[frame] = 0.5 * (speed + after) * seconds
        return found

    def _seconds_after(self, frame: int) -> float | None:
        """Seconds from a frame to the next, None where its time stamps are damaged or apart."""
        if not {frame, frame + 1} <= self.stamps.keys():
            return 1 / _RATE
        first, last = (_seconds(self.stamps[number]) for number in (frame, frame + 1))
        known = None not in (first, last) and 0 < last - first < _GAP
        return last - first if known else None

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
    def shape(self) -> tuple[int, int] | None:
        """(height, width) of the images, from the first readable one; None: none is."""
        for path in self.frames.values():
            try:
                with Image.open(path) as image:
                    return image.height, image.width
            except (OSError, SyntaxError, ValueError):
                continue
        return None


def list_sequences(root: str | pathlib.Path, splits: tuple[str, ...]) -> list[Sequence]:
    """All sequences of the given splits, in order. ValueError when none is found."""
    root = pathlib.Path(root)
    found = []
    for split in splits:
        images = _files(root / IMAGES / split, "*_leftImg8bit.png")
        cameras = _files(root / CAMERAS / split, "*_camera.json")
        vehicles = _files(root / VEHICLES / split, "*_vehicle.json")
        stamps = _files(root / STAMPS / split, "*_timestamp.txt")
        found += [
            Sequence(
                f"{split}/{name}",
                images[name],
                *(listed.get(name, {}) for listed in (cameras, vehicles, stamps)),
            )
            for name in images
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


def _speed(path: pathlib.Path) -> float | None:
    """m/s of a vehicle json; None when it is damaged."""
    try:
        speed = abs(float(json.loads(files.read_text(path))["speed"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return speed if math.isfinite(speed) else None


def _seconds(path: pathlib.Path) -> float | None:
    """Seconds of a time stamp file, which holds nanoseconds; None when it is damaged."""
    try:
        return int(files.read_text(path)) / 1e9
    except (OSError, ValueError):
        return None
