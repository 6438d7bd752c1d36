"""Reads the camera of images from a file of this project or of another program.

JSON of this project; ROS camera_info and camera calibration (YAML, JSON); OpenCV (YAML, JSON);
Kalibr camchain.yaml; COLMAP cameras.txt; nerfstudio transforms.json. docs/data.md lists their keys.
"""

from __future__ import annotations

import math
import pathlib
from typing import NamedTuple

import numpy as np

from aquanet_tf.cameras import formats
from aquanet_tf.cameras.lens import Lens

# A principal point farther from the middle, as a share of the size, is unusual.
_OFF_CENTER = 0.15
# Fields of view that a rectified camera may have, degrees.
FIELD_OF_VIEW = (3.0, 170.0)


class Camera(NamedTuple):
    """K [3, 3] float64 in pixels (integer centers) of the images, and their lens."""

    k: np.ndarray
    lens: Lens

    def rays(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """x / z and y / z [H, W] of the ray at each pixel of an image of `shape`, in the camera
        frame; NaN where the lens shows none."""
        v, u = np.indices(shape).astype(np.float64)
        y = (v - self.k[1, 2]) / self.k[1, 1]
        x = (u - self.k[0, 2] - self.k[0, 1] * y) / self.k[0, 0]
        return self.lens.undistort(x, y) if self.lens.distorts else (x, y)


def read(path: str | pathlib.Path, shape: tuple[int, int]) -> Camera:
    """The Camera of images of `shape` (height, width), from a file.

    K is scaled when the file is for another size of the same aspect. ValueError, beginning with the
    path, for anything that is not a camera, unknown keys and models, and another aspect.
    """
    calibration = load(path)
    try:
        return fitted(calibration, shape)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def load(path: str | pathlib.Path) -> formats.Calibration:
    """What a file says of the camera, for the file's own size. ValueError as `read`."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        return formats.parse(path.read_bytes())
    # Foreign files hold any type where a number is expected; and YAML any depth.
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path}: {reason}") from None


def fitted(calibration: formats.Calibration, shape: tuple[int, int]) -> Camera:
    """The Camera for images of `shape` (height, width). ValueError when it cannot be theirs."""
    height, width = shape
    file_width, file_height = calibration.size or (width, height)
    if abs(file_width / file_height * height / width - 1) > 0.02:
        raise ValueError(
            f"is for {file_width:g}x{file_height:g} pixels (width x height), but the frames have "
            f"{width}x{height}, another aspect ratio"
        )
    k = scaled(calibration.k, width / file_width, height / file_height)
    if not (0 <= k[0, 2] <= width - 1 and 0 <= k[1, 2] <= height - 1):
        raise ValueError(
            f"the principal point ({k[0, 2]:.1f}, {k[1, 2]:.1f}) is outside the image of "
            f'{width}x{height}: if K is for another size, add "width" and "height" to the file'
        )
    return Camera(k, calibration.lens)


def field_of_view(focal: float, size: float) -> float:
    """Field of view in degrees along a side of `size` pixels, without distortion; `focal` is the
    focal length in pixels."""
    return math.degrees(2 * math.atan(0.5 * size / focal))


def focal_length(degrees: float, size: float) -> float:
    """Focal length in pixels of a field of view along a side of `size` pixels."""
    return 0.5 * size / math.tan(math.radians(degrees) / 2)


def centered(focal: float, shape: tuple[int, int]) -> np.ndarray:
    """K [3, 3] of square pixels with the principal point in the middle of an image of `shape`."""
    height, width = shape
    return formats.pinhole(focal, focal, (width - 1) / 2, (height - 1) / 2)


def scaled(k: np.ndarray, scale_x: float, scale_y: float) -> np.ndarray:
    """K [3, 3] after a resize of the image (half-pixel centers, as `geometry.camera`)."""
    first = scale_x * k[0] + (0.5 * scale_x - 0.5) * k[2]
    second = scale_y * k[1] + (0.5 * scale_y - 0.5) * k[2]
    return np.stack([first, second, k[2]])


def warning(k: np.ndarray, shape: tuple[int, int]) -> str:
    """A warning when the principal point is far from the middle of the image; else empty."""
    height, width = shape
    off_x = (k[0, 2] - (width - 1) / 2) / width
    off_y = (k[1, 2] - (height - 1) / 2) / height
    if max(abs(off_x), abs(off_y)) <= _OFF_CENTER:
        return ""
    return (
        f"the principal point ({k[0, 2]:.1f}, {k[1, 2]:.1f}) is {abs(off_x):.0%} of the width and "
        f"{abs(off_y):.0%} of the height off the middle of {width}x{height}: is K for another size "
        'or a crop? Say the size with "width" and "height" in the file'
    )
