"""Point clouds from depth: intrinsics from a flag, a file or EXIF, and PLY files.

Camera frame: x right, y down, z forward, in units of depth (relative, up to one unknown scale).
Pixel centers are at integers, so the center of an image of width W is at (W - 1) / 2.
"""

from __future__ import annotations

import math
import pathlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from aquanet_tf import files

_EXIF_IFD, _FOCAL_35MM = 0x8769, 0xA405
# Diagonal of the 36 x 24 mm frame that "35 mm equivalent" refers to.
_DIAGONAL_35MM = math.hypot(36, 24)


class Intrinsics(NamedTuple):
    """Focal lengths and principal point, in pixels of the image."""

    fx: float
    fy: float
    cx: float
    cy: float


class Camera(NamedTuple):
    """What the flags say of the camera.

    Either `intrinsics`, or `fov` (horizontal field of view in degrees), or neither: then the focal
    length comes from each image's EXIF.
    """

    intrinsics: Intrinsics | None = None
    fov: float = 0.0

    def of(self, path: pathlib.Path, height: int, width: int) -> Intrinsics:
        """Intrinsics of the image `path`. ValueError with the remedies when nothing is known."""
        if self.intrinsics:
            return self.intrinsics
        center = (width - 1) / 2, (height - 1) / 2
        if self.fov:
            focal = width / 2 / math.tan(math.radians(self.fov) / 2)
        else:
            focal = exif_focal(path) * math.hypot(height, width) / _DIAGONAL_35MM
        if not focal:
            raise ValueError(
                f"{path}: a point cloud needs the camera, and its EXIF has no focal length: give "
                "--intrinsics=fx,fy,cx,cy (or a JSON file) or --fov=degrees"
            )
        return Intrinsics(focal, focal, *center)


def parse_camera(intrinsics: str, fov: float) -> Camera:
    """The camera of the flags --intrinsics and --fov.

    Args:
      intrinsics: "fx,fy,cx,cy" in pixels, or a JSON file with these names or with "K" [3, 3];
        empty: not known.
      fov: horizontal field of view in degrees; 0: not known.

    Raises ValueError naming the flag.
    """
    if fov and not 0 < fov < 179:
        raise ValueError(f"--fov={fov:g}: expected degrees between 0 and 179")
    if not intrinsics:
        return Camera(fov=fov)
    if fov:
        raise ValueError("--intrinsics and --fov say the same: give one of them")
    try:
        if intrinsics.endswith(".json"):
            content = files.read(intrinsics)
            if "K" in content:
                k = np.asarray(content["K"], float).reshape(3, 3)
                values = k[0, 0], k[1, 1], k[0, 2], k[1, 2]
            else:
                values = [float(content[name]) for name in Intrinsics._fields]
        else:
            values = [float(part) for part in intrinsics.split(",")]
        found = Intrinsics(*(float(value) for value in values))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"--intrinsics={intrinsics}: expected fx,fy,cx,cy, or a JSON file with these names or "
            f'with "K" ({error})'
        ) from error
    if not (all(map(math.isfinite, found)) and found.fx > 0 and found.fy > 0):
        raise ValueError(f"--intrinsics={intrinsics}: focal lengths must be positive")
    return Camera(found)


def exif_focal(path: pathlib.Path) -> float:
    """The 35 mm equivalent focal length in an image's EXIF, millimeters; 0 if there is none."""
    try:
        with Image.open(path) as image:
            return float(image.getexif().get_ifd(_EXIF_IFD).get(_FOCAL_35MM, 0))
    except (OSError, ValueError, TypeError):
        return 0.0


def points(depth: np.ndarray, camera: Intrinsics) -> np.ndarray:
    """depth [H, W] -> points in the camera frame, float32 [H * W, 3], row by row."""
    v, u = np.indices(depth.shape)
    rays = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(depth.shape)
    return (np.stack(rays, -1) * depth[..., None]).reshape(-1, 3).astype(np.float32)


def write_ply(path, depth: np.ndarray, image: np.ndarray, camera: Intrinsics) -> None:
    """Writes a binary PLY file with one colored point per pixel of depth [H, W].

    image: uint8 [H, W, 3] RGB, the colors.
    """
    kind = [(name, "<f4") for name in "xyz"] + [(n, "u1") for n in ("red", "green", "blue")]
    vertices = np.empty(depth.size, kind)
    values = [*points(depth, camera).T, *image.reshape(-1, 3).T]
    for (name, _), column in zip(kind, values):
        vertices[name] = column
    types = {"<f4": "float", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    header += [f"property {types[form]} {name}" for name, form in kind]
    header.insert(2, "comment x right, y down, z forward; units of depth, relative")
    with open(path, "wb") as file:
        file.write("\n".join([*header, "end_header", ""]).encode())
        file.write(vertices.tobytes())
