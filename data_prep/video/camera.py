"""The camera of a video, from its K, its field of view or its focal length."""

from __future__ import annotations

import math
import pathlib
from typing import NamedTuple

import numpy as np

from aquanet_tf import files
from aquanet_tf.geometry import camera
from data_prep.dataset import inspection

_FIX = 'expected {"fx", "fy", "cx", "cy"} or {"K": 3x3}, in pixels of "width" x "height" if given'


class Camera(NamedTuple):
    """K [3, 3] float64 in pixels (integer centers) of the frames as decoded, and the distortion
    coefficients k1, k2, p1, p2, k3 (empty: none)."""

    k: np.ndarray
    distortion: tuple[float, ...]


def from_options(shape, intrinsics: str, fov_deg: float, focal_px: float, distortion) -> Camera:
    """The Camera of frames of `shape` (height, width).

    Exactly one of three is given: `intrinsics`, a json file; `fov_deg`, the horizontal field of
    view in degrees; `focal_px`, the focal length in pixels. The last
    two place the principal point at the image center. `distortion` (numbers, may be empty)
    overrides that of the file. ValueError names the flag or file.
    """
    height, width = shape
    given = [bool(intrinsics), fov_deg > 0, focal_px > 0]
    if sum(given) != 1:
        raise ValueError(
            "depth cannot be learned without the camera: give one of --intrinsics FILE.json, "
            "--fov_deg DEGREES (horizontal) and --focal_px PIXELS"
        )
    if intrinsics:
        k, found = _read(intrinsics, shape)
    else:
        low, high = inspection.FIELD_OF_VIEW
        seen = fov_deg or math.degrees(2 * math.atan(0.5 * width / focal_px))
        if not low <= seen <= high:
            given = f"--fov_deg={fov_deg:g}" if fov_deg else f"--focal_px={focal_px:g}"
            raise ValueError(
                f"{given}: {seen:.4g} degrees over {width} pixels; expected {low:g} to {high:g}"
            )
        focal = focal_px or 0.5 * width / math.tan(math.radians(fov_deg) / 2)
        k = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        found = ()
    return Camera(k, coefficients(distortion, "--distortion") or found)


def coefficients(values, name: str) -> tuple[float, ...]:
    """Four or five distortion coefficients, or none. ValueError, beginning with `name`."""
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        numbers = (math.nan,)
    if len(numbers) not in (0, 4, 5) or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{name}: expected four or five numbers k1,k2,p1,p2[,k3]")
    return numbers


def _read(path: str | pathlib.Path, shape) -> tuple[np.ndarray, tuple[float, ...]]:
    values = files.read(path)
    try:
        if "K" in values:
            k = np.array(values["K"], np.float64).reshape(3, 3)
        else:
            fx, fy, cx, cy = (float(values[name]) for name in ("fx", "fy", "cx", "cy"))
            k = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        width, height = (float(values.get(n, s)) for n, s in zip(("width", "height"), shape[::-1]))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError(f"{path}: {_FIX}") from None
    below = (k[1, 0], *k[2])
    if not (np.isfinite(k).all() and k[0, 0] > 0 and k[1, 1] > 0 and below == (0, 0, 0, 1)):
        raise ValueError(f"{path}: not a camera matrix: {k.tolist()}; {_FIX}")
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise ValueError(f"{path}: width {width:g} and height {height:g} must be positive")
    if abs(width / height * shape[0] / shape[1] - 1) > 0.02:
        raise ValueError(
            f"{path}: is for {width:g}x{height:g} pixels (width x height), but the frames have "
            f"{shape[1]}x{shape[0]}, another aspect ratio"
        )
    k = np.asarray(camera.resize_intrinsics(k, shape[1] / width, shape[0] / height))
    found = coefficients(values.get("distortion", ()), f"{path}: distortion")
    if not (0 <= k[0, 2] <= shape[1] - 1 and 0 <= k[1, 2] <= shape[0] - 1):
        raise ValueError(f"{path}: the principal point is outside the image; {_FIX}")
    return k, found
