"""The KITTI raw layout on disk: drives, frames, calibration, ground truth. NumPy and Pillow only.

RAW/DATE/calib_cam_to_cam.txt, calib_velo_to_cam.txt, and for every drive
RAW/DATE/DRIVE/image_0X/data/%010d.png (or .jpg), velodyne_points/data/%010d.bin,
oxts/data/%010d.txt, proj_depth/groundtruth/image_0X/%010d.png.

Hidden files, and files whose name is not a frame number, are not read.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re

import numpy as np
from PIL import Image

from aquanet_tf import files as files_module
from aquanet_tf.kitti import search, travel

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
_FRAME = re.compile(r"[0-9]{1,18}")
# A lidar point is four float32.
_POINT_BYTES = 16
# oxts: vf and vl, velocity forward and leftward in m/s (dataformat.txt of the raw data).
_FORWARD, _LEFTWARD = 8, 9
# Upper bound of a plausible image size, pixels: larger values mean a damaged file.
_LARGEST = 100_000
# What Pillow raises for a damaged file, depending on the damage.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


@dataclasses.dataclass(frozen=True, order=True)
class Drive:
    """One recorded drive; `name` is DATE/DRIVE, where it belongs below the raw directory.

    folder, calibration_dir: where the drive and the calibration of its date are; None: where they
    belong.
    """

    raw_dir: pathlib.Path
    name: str
    folder: pathlib.Path | None = dataclasses.field(default=None, compare=False)
    calibration_dir: pathlib.Path | None = dataclasses.field(default=None, compare=False)

    @property
    def path(self) -> pathlib.Path:
        """Folder of the drive."""
        return self.folder or self.raw_dir / self.name

    @property
    def unrectified(self) -> bool:
        """Whether it is KITTI's archive of images as recorded; K is that of rectified ones."""
        return self.name.endswith("_extract")

    @property
    def calibration(self) -> pathlib.Path:
        """The calib_cam_to_cam.txt of the drive's date."""
        return (self.calibration_dir or self.path.parent) / search.CALIBRATION

    def images(self, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> image file of one camera, in order; empty without that camera."""
        return _numbered(self.path / f"image_{camera:02d}" / "data", IMAGE_SUFFIXES)

    def scans(self) -> dict[int, pathlib.Path]:
        """Frame number -> velodyne .bin file. A file without a point counts as missing."""
        return _numbered(self.path / "velodyne_points" / "data", (".bin",), _POINT_BYTES)

    def depth_maps(self, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> annotated depth PNG (uint16, meters * 256)."""
        return depth_files(self.path, camera)

    def motion_masks(self, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> mask of independently moving objects (255 = moving; street only)."""
        return _numbered(self.path / "motion_masks" / f"image_{camera:02d}", (".png",))

    def speeds(self) -> dict[int, float | None]:
        """Frame number -> speed over ground in m/s from oxts; None where the file is damaged; empty
        when there is no oxts, or it is not synchronized with the images (`_extract`)."""
        return {frame: _speed_or_none(path) for frame, path in self._oxts().items()}

    def steps(self, camera: int) -> dict[int, float]:
        """Frame number -> meters that the camera traveled from there to the next frame.

        From travel.txt of data_prep.video, else from oxts. Frames are missing where nothing is
        known. ValueError for a damaged travel.txt.
        """
        if (written := travel.read(self.path)) is not None:
            return written
        return travel.steps(self._oxts(), travel.times(self.path, camera))

    def _oxts(self) -> dict[int, pathlib.Path]:
        """Frame number -> oxts file; empty where they are not synchronized with the images."""
        if self.unrectified:
            return {}
        return _numbered(self.path / "oxts" / "data", (".txt",))


def list_drives(raw_dir: str | pathlib.Path) -> list[Drive]:
    """All drives below `raw_dir`, sorted by name; also those in a wrong folder (`search.find`).

    ValueError when there is none.
    """
    raw = pathlib.Path(raw_dir)
    found = search.find(raw)
    return [Drive(raw, name, *found[name]) for name in sorted(found, key=_parts)]


def without_copies(drives: list[Drive]) -> list[Drive]:
    """The drives without those unrectified ones (`_extract`) whose rectified copy (`_sync`) is
    there: each frame counts once."""
    names = {drive.name for drive in drives}
    copies = {name.removesuffix("_sync") + "_extract" for name in names if name.endswith("_sync")}
    return [drive for drive in drives if drive.name not in copies]


def _parts(name: str) -> list[str]:
    return name.split("/")


def depth_files(drive: pathlib.Path, camera: int) -> dict[int, pathlib.Path]:
    """Frame number -> annotated depth PNG below the folder of a drive."""
    return _numbered(drive / "proj_depth/groundtruth" / f"image_{camera:02d}", (".png",), 1)


def read_calibration(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """`NAME: numbers` lines of a KITTI calibration file as flat float64 arrays.

    Lines without numbers (calib_time) are skipped. Raises ValueError when the file is missing.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path}: missing calibration; unpack the calib archive of that date there"
        )
    values = {}
    for line in files_module.read_text(path, "replace").splitlines():
        name, _, text = line.partition(":")
        try:
            values[name.strip()] = np.array([float(word) for word in text.split()])
        except ValueError:
            continue
    return values


def projection(path: str | pathlib.Path, camera: int) -> np.ndarray:
    """P_rect_0X [3, 4] of a calib_cam_to_cam.txt: frame of rectified camera 0 to pixels."""
    return _entry(path, f"P_rect_{camera:02d}", 12).reshape(3, 4)


def intrinsics(path: str | pathlib.Path, camera: int) -> np.ndarray:
    """K [3, 3] float64 of a rectified camera, in pixels of the original image; pixel centers at
    integers. Raises ValueError when the file is missing or holds no camera matrix.
    """
    k = projection(path, camera)[:, :3].copy()
    if not np.isfinite(k).all() or k[0, 0] <= 0 or k[1, 1] <= 0 or tuple(k[2]) != (0, 0, 1):
        raise ValueError(f"{path}: P_rect_{camera:02d} is no camera: {k.tolist()}; damaged file?")
    return k


def image_shape(path: str | pathlib.Path, camera: int) -> tuple[int, int]:
    """(height, width) of the rectified images, S_rect_0X."""
    width, height = _entry(path, f"S_rect_{camera:02d}", 2)
    if not (1 <= width <= _LARGEST and 1 <= height <= _LARGEST):
        raise ValueError(f"{path}: S_rect_{camera:02d} is {width:g} x {height:g}; damaged file?")
    return int(height), int(width)


def recorded_shape(path: str | pathlib.Path, camera: int) -> tuple[int, int] | None:
    """(height, width) of the images before rectification, S_0X; None without such a line.

    ValueError names the file where these are no numbers.
    """
    size = read_calibration(path).get(f"S_{camera:02d}")
    if size is None or size.size != 2:
        return None
    if not np.isfinite(size).all():
        raise ValueError(f"{path}: S_{camera:02d} is {size[0]:g} x {size[1]:g}; damaged file?")
    return int(size[1]), int(size[0])


def recorded_camera(path: str | pathlib.Path, camera: int) -> tuple[tuple[float, ...], ...]:
    """K_0X [3, 3] in pixels, D_0X (k1, k2, p1, p2, k3) and R_rect_0X [3, 3] of the images before
    rectification, each as a flat tuple. ValueError when a line is missing or implausible."""
    values = []
    try:
        for name, size in (("K", 9), ("D", 5), ("R_rect", 9)):
            values.append(_entry(path, f"{name}_{camera:02d}", size))
        turn = values[2].reshape(3, 3)
        if not np.isfinite(np.concatenate(values)).all() or values[0][0] <= 0 or values[0][4] <= 0:
            raise ValueError(f"{path}: K_{camera:02d}, D_{camera:02d} are no camera; damaged file?")
        if np.abs(turn @ turn.T - np.eye(3)).max() > 1e-3:
            raise ValueError(f"{path}: R_rect_{camera:02d} is no rotation; damaged file?")
    except ValueError as error:
        raise ValueError(
            f"{error} The images of camera {camera} are unrectified (an _extract drive): "
            "restore the calibration to have them rectified, or use the _sync archive"
        ) from None
    return tuple(tuple(map(float, value)) for value in values)


def velodyne_to_image(calibration_dir: str | pathlib.Path, camera: int) -> np.ndarray:
    """[3, 4]: homogeneous lidar points (meters) to pixels times depth of a rectified camera."""
    folder = pathlib.Path(calibration_dir)
    rectify, to_camera = np.eye(4), np.eye(4)
    rectify[:3, :3] = _entry(folder / "calib_cam_to_cam.txt", "R_rect_00", 9).reshape(3, 3)
    to_camera[:3, :3] = _entry(folder / "calib_velo_to_cam.txt", "R", 9).reshape(3, 3)
    to_camera[:3, 3] = _entry(folder / "calib_velo_to_cam.txt", "T", 3)
    return projection(folder / "calib_cam_to_cam.txt", camera) @ rectify @ to_camera


def read_scan(path: str | pathlib.Path) -> np.ndarray:
    """Velodyne scan [n, 4] float32: x forward, y left, z up in meters, reflectance."""
    values = np.fromfile(path, dtype=np.float32)
    if values.size % 4:
        raise ValueError(f"{path}: {values.size} numbers, not 4 for each point; truncated?")
    return values.reshape(-1, 4)


def velodyne_depth(
    points: np.ndarray,
    calibration_dir: str | pathlib.Path,
    shape: tuple[int, int],
    camera: int = 2,
    lidar_range: bool = False,
) -> np.ndarray:
    """Sparse depth map [height, width] float64 in meters, 0 = none, of a scan [n, >=3].

    This is the field's "original" ground truth: only points with x >= 0; pixel = round(u) - 1
    (the original code counts pixels from one, as MATLAB does); of several points in a pixel the
    nearest counts. `lidar_range` stores the lidar's x instead of the camera's z.
    """
    points = np.asarray(points, np.float64)[:, :3]
    points = points[points[:, 0] >= 0]
    matrix = velodyne_to_image(calibration_dir, camera)
    projected = points @ matrix[:, :3].T + matrix[:, 3]
    ahead = projected[:, 2] > 0
    points, projected = points[ahead], projected[ahead]
    columns, rows = (np.round(projected[:, :2] / projected[:, 2:]) - 1).T
    depth = points[:, 0] if lidar_range else projected[:, 2]
    inside = (columns >= 0) & (rows >= 0) & (columns < shape[1]) & (rows < shape[0])
    flat = (rows[inside] * shape[1] + columns[inside]).astype(np.int64)
    nearest = np.full(shape[0] * shape[1], np.inf)
    np.minimum.at(nearest, flat, depth[inside])
    return np.where(np.isfinite(nearest), nearest, 0.0).reshape(shape)


def read_depth_png(path: str | pathlib.Path) -> np.ndarray:
    """Depth [height, width] float32 in meters from a uint16 PNG (meters * 256), 0 = none.

    ValueError names a damaged file, FileNotFoundError a missing one.
    """
    mode, values = _pixels(path, "depth map")
    if not mode.startswith("I"):
        raise ValueError(f"{path}: mode {mode}, expected a 16-bit depth PNG")
    return values.astype(np.float32) / 256.0


def read_motion_mask(path: str | pathlib.Path) -> np.ndarray:
    """Bool [height, width], True on moving objects. Raises as `read_depth_png`."""
    return _pixels(path, "motion mask", "L")[1] > 127


def read_speed(path: str | pathlib.Path) -> float:
    """Speed over ground in m/s from one oxts file (forward and leftward velocity)."""
    try:
        numbers = [float(word) for word in files_module.read_text(path).split()]
        speed = float(np.hypot(numbers[_FORWARD], numbers[_LEFTWARD]))
        if not np.isfinite(speed):
            raise ValueError
        return speed
    except (ValueError, IndexError):
        raise ValueError(f"{path}: not an oxts file (30 numbers)") from None


def _entry(path: str | pathlib.Path, name: str, size: int) -> np.ndarray:
    values = read_calibration(path)
    if name not in values or values[name].size != size:
        raise ValueError(f"{path}: no line {name} of {size} numbers; damaged calibration file?")
    return values[name]


def _pixels(path: str | pathlib.Path, what: str, mode: str = "") -> tuple[str, np.ndarray]:
    """The mode of an image file and its pixels, in `mode` if one is given."""
    try:
        with Image.open(path) as image:
            return image.mode, np.asarray(image.convert(mode) if mode else image)
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error).replace(f" {str(path)!r}", "")
        raise ValueError(f"{path}: not a readable {what} ({reason}); unpack it again") from error


def _speed_or_none(path: pathlib.Path) -> float | None:
    try:
        return read_speed(path)
    except (ValueError, OSError):
        return None


def _numbered(
    folder: pathlib.Path, suffixes: tuple[str, ...], smallest: int = 0
) -> dict[int, pathlib.Path]:
    """Frame number -> file with one of the suffixes and at least `smallest` bytes, in order."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if _FRAME.fullmatch(os.path.splitext(entry.name)[0])
            and os.path.splitext(entry.name)[1].lower() in suffixes
            and entry.is_file()
            and (not smallest or entry.stat().st_size >= smallest)
        )
    return {int(os.path.splitext(name)[0]): folder / name for name in names}
