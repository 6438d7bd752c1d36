"""Writes chosen frames of a video in KITTI raw layout, without lens distortion."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

from aquanet_tf import progress
from aquanet_tf.geometry import camera as geometry_camera
from data_prep.dataset import encode
from data_prep.video import camera as video_camera
from data_prep.video import frames as video_frames
from data_prep.video import undistort

# KITTI's layout needs a date; this one stands for an unknown one.
DATE = "2000_01_01"


class Writer:
    """Writes frames of a Camera; `shape` (height, width) of the frames as decoded, in pixels.

    ValueError for distortion coefficients that cannot be undone.
    """

    def __init__(self, camera: video_camera.Camera, shape: tuple[int, int]):
        self._k, self._lens, self._window = camera.k, None, (0, 0, *shape)
        if any(camera.distortion):
            self._lens = undistort.Undistorter(camera.k, camera.distortion, shape)
            self._window = self._lens.window

    def write_calibration(self, folder: pathlib.Path) -> None:
        """Writes calib_cam_to_cam.txt with the size and K of camera 2 into a new folder."""
        top, left, height, width = self._window
        k = np.asarray(geometry_camera.crop_intrinsics(self._k, left, top))
        folder.mkdir(parents=True)
        rows = np.hstack([k, np.zeros((3, 1))]).ravel()
        text = f"S_rect_02: {width} {height}\nP_rect_02: {' '.join(f'{x:.9e}' for x in rows)}\n"
        (folder / "calib_cam_to_cam.txt").write_text(text)

    def write_frames(self, raw: pathlib.Path, source: str, drives: dict, image_format: str) -> None:
        """Writes frames of the video `source`; drives: DATE/DRIVE below `raw` -> frame numbers.

        ValueError when one of them cannot be decoded.
        """
        suffix = {"jpeg": "jpg"}.get(image_format, image_format)
        targets = {}
        for drive, numbers in drives.items():
            folder = raw / drive / "image_02" / "data"
            folder.mkdir(parents=True)
            targets.update({n: folder / f"{i:010d}.{suffix}" for i, n in enumerate(numbers)})
        frames = enumerate(video_frames.read(source))
        for number, frame in progress.bar(frames, desc="writing frames", unit="frame"):
            if number in targets:
                if self._lens is not None:
                    frame = self._lens(frame)
                data = encode.encode_pixels(Image.fromarray(frame), image_format)
                targets.pop(number).write_bytes(data)
        if targets:
            raise ValueError(f"{source}: frame {min(targets)} cannot be decoded a second time")
