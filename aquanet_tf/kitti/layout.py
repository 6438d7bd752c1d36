"""The KITTI raw layout on disk: drives, frames, calibration, ground truth. NumPy and Pillow only.

RAW/DATE/calib_cam_to_cam.txt, calib_velo_to_cam.txt, and for every drive
RAW/DATE/DRIVE/image_0X/data/%010d.png (or .jpg), velodyne_points/data/%010d.bin,
oxts/data/%010d.txt, proj_depth/groundtruth/image_0X/%010d.png.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re

import numpy as np
from PIL import Image

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
_DATE = re.compile(r"\d{4}_\d{2}_\d{2}")
_SIDES = {"l": 2, "r": 3}
# oxts: vf and vl, velocity forward and leftward in m/s (dataformat.txt of the raw data).
_FORWARD, _LEFTWARD = 8, 9
# Upper bound of a plausible image size, pixels: larger values mean a damaged file.
_LARGEST = 100_000


@dataclasses.dataclass(frozen=True, order=True)
class Drive:
    """One recorded drive; `name` is its path below the raw directory, DATE/DRIVE."""

    raw_dir: pathlib.Path
    name: str

    @property
    def path(self) -> pathlib.Path:
        """Folder of the drive."""
        return self.raw_dir / self.name

    @property
    def calibration(self) -> pathlib.Path:
        """The calib_cam_to_cam.txt of the drive's date."""
        return self.path.parent / "calib_cam_to_cam.txt"

    def images(self, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> image file of one camera, in order; empty without that camera."""
        return _numbered(self.path / f"image_{camera:02d}" / "data", IMAGE_SUFFIXES)

    def scans(self) -> dict[int, pathlib.Path]:
        """Frame number -> velodyne .bin file."""
        return _numbered(self.path / "velodyne_points" / "data", (".bin",))

    def depth_maps(self, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> annotated depth PNG (uint16, meters * 256)."""
        return _numbered(self.path / "proj_depth/groundtruth" / f"image_{camera:02d}", (".png",))

    def motion_masks(self, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> mask of independently moving objects (255 = moving; street only)."""
        return _numbered(self.path / "motion_masks" / f"image_{camera:02d}", (".png",))

    def speeds(self) -> dict[int, float]:
        """Frame number -> speed over ground in m/s from oxts; empty when there is no oxts."""
        files = _numbered(self.path / "oxts" / "data", (".txt",))
        return {frame: read_speed(path) for frame, path in files.items()}


@dataclasses.dataclass(frozen=True)
class SplitEntry:
    """One line of a split file: a whole drive (frame None), or one target frame of it.

    camera: 2 or 3 where the line names a side (l or r), else None.
    """

    drive: str
    frame: int | None = None
    camera: int | None = None


def list_drives(raw_dir: str | pathlib.Path) -> list[Drive]:
    """All drives below `raw_dir`, sorted. ValueError when the directory is not KITTI raw."""
    raw = pathlib.Path(raw_dir)
    if not raw.is_dir():
        raise ValueError(f"{raw}: no such directory (expected KITTI raw: DATE/DRIVE/image_02/data)")
    drives = [
        Drive(raw, f"{date.name}/{drive.name}")
        for date in sorted(raw.iterdir())
        if _DATE.fullmatch(date.name) and date.is_dir()
        for drive in sorted(date.iterdir())
        if any(drive.glob("image_0[0-3]"))
    ]
    if not drives:
        raise ValueError(f"{raw}: no drives found (expected KITTI raw: DATE/DRIVE/image_02/data)")
    return drives


def read_split(path: str | pathlib.Path) -> list[SplitEntry]:
    """Reads lines `DATE/DRIVE` or `DATE/DRIVE FRAME [l|r]` (l = camera 2, r = camera 3).

    Blank lines and # comments are ignored. ValueError names the file and line at fault.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such split file")
    entries = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            entries.append(_split_entry(words))
        except (ValueError, KeyError):
            raise ValueError(
                f"{path}:{number}: {line.strip()!r}: expected DATE/DRIVE or DATE/DRIVE FRAME [l|r]"
            ) from None
    if not entries:
        raise ValueError(f"{path}: the split file names no drive")
    return entries


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
    for line in path.read_text(errors="replace").splitlines():
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
    """Depth [height, width] float32 in meters from a uint16 PNG (meters * 256), 0 = none."""
    with Image.open(path) as image:
        if not image.mode.startswith("I"):
            raise ValueError(f"{path}: mode {image.mode}, expected a 16-bit depth PNG")
        values = np.asarray(image)
    return values.astype(np.float32) / 256.0


def read_speed(path: str | pathlib.Path) -> float:
    """Speed over ground in m/s from one oxts file (forward and leftward velocity)."""
    try:
        numbers = [float(word) for word in pathlib.Path(path).read_text().split()]
        speed = float(np.hypot(numbers[_FORWARD], numbers[_LEFTWARD]))
        if not np.isfinite(speed):
            raise ValueError
        return speed
    except (ValueError, IndexError):
        raise ValueError(f"{path}: not an oxts file (30 numbers)") from None


def _split_entry(words: list[str]) -> SplitEntry:
    drive = words[0].strip("/")
    if not _DATE.fullmatch(drive.split("/")[0]) or drive.count("/") != 1 or len(words) > 3:
        raise ValueError
    frame = int(words[1]) if len(words) > 1 else None
    return SplitEntry(drive, frame, _SIDES[words[2]] if len(words) > 2 else None)


def _entry(path: str | pathlib.Path, name: str, size: int) -> np.ndarray:
    values = read_calibration(path)
    if name not in values or values[name].size != size:
        raise ValueError(f"{path}: no line {name} of {size} numbers; damaged calibration file?")
    return values[name]


def _numbered(folder: pathlib.Path, suffixes: tuple[str, ...]) -> dict[int, pathlib.Path]:
    if not folder.is_dir():
        return {}
    files = (path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    return {int(path.stem): path for path in sorted(files) if path.stem.isdigit()}
