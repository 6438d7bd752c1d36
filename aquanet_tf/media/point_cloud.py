"""Point clouds from depth: intrinsics from a flag, a file or EXIF, and PLY files.

Camera frame: x right, y down, z forward, in units of depth.
Pixel centers are at integers, so the center of an image of width W is at (W - 1) / 2.
"""

from __future__ import annotations

import math
import pathlib
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image

from aquanet_tf.cameras import camera_file, formats
from aquanet_tf.cameras.formats import Calibration
from aquanet_tf.cameras.lens import Lens

_EXIF_IFD, _FOCAL_35MM = 0x8769, 0xA405
# Diagonal of the 36 x 24 mm frame that "35 mm equivalent" refers to.
_DIAGONAL_35MM = math.hypot(36, 24)


class Camera(NamedTuple):
    """What the flags say of the camera.

    Either `calibration`, or `fov` (horizontal field of view in degrees), or neither: then the focal
    length comes from each image's EXIF. source: the flag, for messages. undistort: images are
    undistorted before all else (`media.pictures`).
    """

    calibration: Calibration | None = None
    fov: float = 0.0
    source: str = ""
    undistort: bool = False

    def of(self, path: pathlib.Path, height: int, width: int) -> camera_file.Camera:
        """The camera of the image `path`: K for its size, and its lens.

        ValueError with the remedies when nothing is known, and when the calibration does not fit.
        """
        if self.calibration:
            try:
                fitted = camera_file.fitted(self.calibration, (height, width))
            except ValueError as error:
                raise ValueError(f"{path}: {self.source}: {error}") from None
            if text := camera_file.warning(fitted.k, (height, width)):
                warnings.warn(f"{self.source}: {text}", stacklevel=2)
            return fitted
        if self.fov:
            focal = camera_file.focal_length(self.fov, width)
        else:
            focal = exif_focal(path) * math.hypot(height, width) / _DIAGONAL_35MM
        if not focal:
            raise ValueError(
                f"{path}: a point cloud needs the camera, and its EXIF has no focal length: give "
                "--intrinsics=fx,fy,cx,cy (or a camera file) or --fov=degrees"
            )
        return camera_file.Camera(camera_file.centered(focal, (height, width)), Lens())


def parse_camera(intrinsics: str, fov: float, undistort: bool = False) -> Camera:
    """The camera of the flags --intrinsics, --fov and --undistort.

    Args:
      intrinsics: "fx,fy,cx,cy" in pixels, or a camera file (`cameras.camera_file`), whose K is
        scaled to the size of each image; empty: not known.
      fov: horizontal field of view in degrees; 0: not known.
      undistort: needs the file of a camera that distorts.

    Raises ValueError naming the flag.
    """
    camera = _described(intrinsics, fov)
    if undistort and not (camera.calibration and camera.calibration.lens.distorts):
        raise ValueError(
            "--undistort needs the lens: give --intrinsics=FILE, a camera file with distortion"
            + (f"; {camera.source} has none" if camera.calibration else "")
        )
    return camera._replace(undistort=undistort)


def _described(intrinsics: str, fov: float) -> Camera:
    """`parse_camera` without the lens."""
    low, high = camera_file.FIELD_OF_VIEW
    if fov and not low <= fov <= high:
        raise ValueError(f"--fov={fov:g}: expected {low:g} to {high:g} degrees")
    if not intrinsics:
        return Camera(fov=fov)
    if fov:
        raise ValueError("--intrinsics and --fov say the same: give one of them")
    source = f"--intrinsics={intrinsics}"
    file = pathlib.Path(intrinsics)
    if file.is_file():
        try:
            return Camera(camera_file.load(file), source=source)
        except ValueError as error:
            raise ValueError(f"--intrinsics: {error}") from None
    try:
        fx, fy, cx, cy = (float(part) for part in intrinsics.split(","))
    except ValueError:
        raise ValueError(f"{source}: no such file, and not fx,fy,cx,cy") from None
    if not (all(map(math.isfinite, (fx, fy, cx, cy))) and fx > 0 and fy > 0):
        raise ValueError(f"{source}: focal lengths must be positive")
    return Camera(Calibration(formats.pinhole(fx, fy, cx, cy), Lens(), None), source=source)


def exif_focal(path: pathlib.Path) -> float:
    """The 35 mm equivalent focal length in an image's EXIF, millimeters; 0 if there is none."""
    try:
        with Image.open(path) as image:
            return float(image.getexif().get_ifd(_EXIF_IFD).get(_FOCAL_35MM, 0))
    except (OSError, ValueError, TypeError):
        return 0.0


def points(depth: np.ndarray, camera: camera_file.Camera) -> np.ndarray:
    """depth [H, W] -> points in the camera frame, float32 [H * W, 3], row by row.

    Each point lies on the ray that the lens shows at the pixel; NaN where it shows none.
    """
    rays = *camera.rays(depth.shape), np.ones(depth.shape)
    return (np.stack(rays, -1) * depth[..., None]).reshape(-1, 3).astype(np.float32)


def write_ply(
    path, depth: np.ndarray, image: np.ndarray, camera: camera_file.Camera, unit: str = "relative"
) -> None:
    """Writes a binary PLY file with one colored point per pixel of depth [H, W].

    image: uint8 [H, W, 3] RGB, the colors; unit: of depth, for the file's comment. Pixels
    without a ray (see `points`) are left out.
    """
    kind = [(name, "<f4") for name in "xyz"] + [(n, "u1") for n in ("red", "green", "blue")]
    cloud = points(depth, camera)
    valid = np.isfinite(cloud[:, 0])
    vertices = np.empty(int(valid.sum()), kind)
    values = [*cloud[valid].T, *image.reshape(-1, 3)[valid].T]
    for (name, _), column in zip(kind, values):
        vertices[name] = column
    types = {"<f4": "float", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    header += [f"property {types[form]} {name}" for name, form in kind]
    header.insert(2, f"comment x right, y down, z forward; units of depth, {unit}")
    with open(path, "wb") as file:
        file.write("\n".join([*header, "end_header", ""]).encode())
        file.write(vertices.tobytes())
