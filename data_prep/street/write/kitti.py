"""Files of the street in KITTI raw layout: calibration, images, scans, oxts, ground truth.

Everything that a KITTI reader needs lies where KITTI puts it. Exact depth, motion masks and poses
lie beside it, in proj_depth/groundtruth/image_02, motion_masks/image_02 and poses/image_02.txt.
"""

from __future__ import annotations

import datetime
import functools
import os

import numpy as np
from PIL import Image

DATE = "2011_09_26"
PARTS = (
    "image_02/data",
    "velodyne_points/data",
    "oxts/data",
    "proj_depth/groundtruth/image_02",
    "motion_masks/image_02",
    "poses",
)
CAMERA_TO_WORLD = "poses/image_02.txt"
# Mounting of a roof scanner on KITTI's car: slightly off the exact axes x ahead, y left, z up.
_TILT = np.array([0.0075, 0.0148, -0.0006])
_VELO_T = np.array([-0.0041, -0.0763, -0.2718])
BEAMS = np.radians(np.linspace(2.0, -24.8, 64))
AZIMUTH_STEP = np.radians(0.18)
MAX_RANGE = 80.0


def drive_name(number):
    """KITTI's name of a drive: 2011_09_26_drive_0001_sync."""
    return f"{DATE}_drive_{number:04d}_sync"


def velo_to_camera():
    """Rotation [3, 3] and translation [3] from scanner to camera, as rounded in the file."""
    a, b, c = _TILT
    exact = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    turn = np.array([[1, -c, b], [c, 1, -a], [-b, a, 1]])
    u, _, vt = np.linalg.svd(turn)
    return np.round(u @ vt @ exact, 6), _VELO_T


def write_calibration(folder, view):
    """calib_cam_to_cam.txt, calib_velo_to_cam.txt and calib_imu_to_velo.txt of all drives.

    All four cameras are the one camera of the street: no stereo, no distortion, R_rect_00 = I.
    """
    k = [view.focal, 0, view.cx, 0, view.focal, view.cy, 0, 0, 1]
    p = [view.focal, 0, view.cx, 0, 0, view.focal, view.cy, 0, 0, 0, 1, 0]
    size, eye = [view.width, view.height], np.eye(3)
    lines = ["calib_time: 26-Sep-2011 12:00:00", "corner_dist: 9.950000e-02"]
    for camera in range(4):
        for key, values in (
            ("S", size), ("K", k), ("D", np.zeros(5)), ("R", eye), ("T", np.zeros(3)),
            ("S_rect", size), ("R_rect", eye), ("P_rect", p),
        ):  # fmt: skip
            lines.append(f"{key}_{camera:02d}: {_numbers(values)}")
    _write(folder, "calib_cam_to_cam.txt", lines)
    rotation, translation = velo_to_camera()
    rigid = "calib_time: 26-Sep-2011 12:00:00\nR: {}\nT: {}"
    _write(folder, "calib_velo_to_cam.txt", [
        rigid.format(_numbers(rotation), _numbers(translation)),
        "delta_f: 0.000000e+00 0.000000e+00", "delta_c: 0.000000e+00 0.000000e+00",
    ])  # fmt: skip
    imu = [-0.8087, 0.3196, -0.7997]
    _write(folder, "calib_imu_to_velo.txt", [rigid.format(_numbers(eye), _numbers(imu))])


class DriveWriter:
    """Writes the frames of one drive into `folder`, then its poses and time stamps."""

    def __init__(self, folder, trip):
        self._folder, self._trip = folder, trip
        for part in PARTS:
            os.makedirs(os.path.join(folder, part))

    def frame(self, number, view, image, depth, moving):
        """One frame: RGB uint8 [h, w, 3], z-depth [h, w] meters (0: none), moving [h, w] bool."""
        name = f"{number:010d}"
        png = name + ".png"
        self._image("image_02/data", png, image)
        stored = np.round(depth * 256.0).astype(np.uint16)
        self._image("proj_depth/groundtruth/image_02", png, stored)
        self._image("motion_masks/image_02", png, moving.astype(np.uint8) * 255)
        scan = scan_points(view, depth)
        scan.tofile(os.path.join(self._folder, "velodyne_points/data", name + ".bin"))
        _write(self._folder, f"oxts/data/{name}.txt", [oxts_line(self._trip, number)])

    def finish(self):
        """Camera-to-world poses relative to frame 0, and time stamps."""
        count = len(self._trip.s)
        first, origin = self._trip.rotation[0], self._trip.position[0]
        rotation = first.T @ self._trip.rotation
        position = (self._trip.position - origin) @ first
        poses = np.concatenate([rotation, position[..., None]], axis=-1).reshape(count, 12)
        _write(self._folder, CAMERA_TO_WORLD, [_numbers(row, "%.9e") for row in poses])
        start = datetime.datetime(2011, 9, 26, 13, 0, 0)
        stamps = [start + datetime.timedelta(milliseconds=100 * k) for k in range(count)]
        lines = [f"{stamp:%Y-%m-%d %H:%M:%S.%f}000" for stamp in stamps]
        for sensor in ("image_02", "velodyne_points", "oxts"):
            _write(self._folder, f"{sensor}/timestamps.txt", lines)

    def _image(self, part, name, array):
        path = os.path.join(self._folder, part, name)
        Image.fromarray(array).save(path, compress_level=4)


def scan_points(view, depth):
    """Points [n, 4] float32 (x, y, z, reflectance) of a 64-beam scan in the scanner's frame.

    Each beam and azimuth step inside the image takes the pixel its direction falls on (once), so
    every point lies exactly on a pixel-center ray and carries that pixel's exact depth.
    """
    rotation, translation = velo_to_camera()
    pixels = _scanned_pixels(view.focal, view.cx, view.cy, view.height, view.width)
    z = depth.ravel()[pixels]
    pixels, z = pixels[z > 0], z[z > 0]
    row, column = np.divmod(pixels, view.width)
    camera = np.stack(
        [(column - view.cx) / view.focal * z, (row - view.cy) / view.focal * z, z], axis=-1
    )
    points = np.linalg.solve(rotation, (camera - translation).T).T
    points = points[np.linalg.norm(points, axis=1) < MAX_RANGE]
    reflectance = 0.3 + 0.2 * np.sin(points[:, :1] + 2 * points[:, 1:2])
    return np.concatenate([points, reflectance], axis=1).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _scanned_pixels(focal, cx, cy, height, width):
    """Numbers of the pixels that a beam falls on, in order; the same for every frame."""
    reach = np.arctan(0.5 * width / focal) * 1.1
    azimuth = np.arange(-reach, reach, AZIMUTH_STEP)
    azimuth, beam = np.meshgrid(azimuth, BEAMS)
    x = np.tan(azimuth)
    y = -np.tan(beam) * np.hypot(1.0, x)
    column = np.round(focal * x + cx).astype(int)
    row = np.round(focal * y + cy).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return np.unique(row[inside] * width + column[inside])


def oxts_line(trip, frame):
    """The 30 numbers of KITTI's oxts at a frame, as text: place, attitude, speed, rates, status."""
    after, before = min(frame + 1, len(trip.s) - 1), max(frame - 1, 0)
    seconds = max(after - before, 1) * 0.1

    def rate(angle):
        return (angle[after] - angle[before]) / seconds

    # KITTI counts yaw anticlockwise from east; the street's z axis points north-east.
    yaw = np.pi / 4 - trip.yaw[frame]
    forward = trip.step[frame] * 10.0
    aside, _, ahead = trip.position[frame] * np.sqrt(0.5)
    east, north = ahead + aside, ahead - aside
    latitude, longitude = 49.0115 + north / 111200.0, 8.4161 + east / (111200.0 * 0.656)
    acceleration = (trip.step[after] - trip.step[before]) * 10.0 / seconds
    altitude = 113.0 - trip.position[frame, 1]
    place = [latitude, longitude, altitude, trip.roll[frame], -trip.pitch[frame], yaw]
    speed = [forward * np.sin(yaw), forward * np.cos(yaw), forward, 0.0, 0.0]
    turn = -rate(trip.yaw)
    rates = [rate(trip.roll), -rate(trip.pitch), turn]
    acceleration = [acceleration, forward * turn, 9.81]
    numbers = place + speed + 2 * acceleration + 2 * rates + [0.02, 0.01]
    return _numbers(numbers, "%.12f") + " 4 10 4 4 0"


def _numbers(values, form="%.6e"):
    return " ".join(form % value for value in np.asarray(values, float).ravel())


def _write(folder, name, lines):
    with open(os.path.join(folder, name), "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
