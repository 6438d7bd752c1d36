"""Writes chosen frames of a video in KITTI raw layout, without lens distortion."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

from aquanet_tf import files, progress
from aquanet_tf.cameras.camera_file import Camera
from aquanet_tf.cameras.undistort import Undistorter
from data_prep.dataset import encode
from data_prep.video import frames as video_frames
from data_prep.video.crop import Crop

# KITTI's layout needs a date; this one stands for an unknown one.
DATE = "2000_01_01"
CALIBRATION = "calib_cam_to_cam.txt"
# Beside the date: a frame in which the part that is cut off is dark.
CROP = "crop.png"


class Writer:
    """Writes frames of a Camera.

    Args:
      camera: of the frames as decoded.
      shape: (height, width) of the frames as decoded, in pixels.
      crop: the margin cut off first.

    k, shape: K and (height, width) of the frames as written.

    ValueError for distortion coefficients that cannot be undone, and a crop that leaves too little.
    """

    def __init__(self, camera: Camera, shape: tuple[int, int], crop: Crop):
        shape, camera = crop.shape(shape), crop.camera(camera)
        self.k, self.shape, self._crop, self._lens = camera.k, shape, crop, None
        if camera.lens.distorts:
            self._lens = Undistorter(camera.k, camera.lens, shape)
            self.k, self.shape = self._lens.k, self._lens.window[2:]

    def write_calibration(self, folder: pathlib.Path) -> None:
        """Writes calib_cam_to_cam.txt with the size and K of camera 2 into a new folder."""
        height, width = self.shape
        folder.mkdir(parents=True)
        rows = np.hstack([self.k, np.zeros((3, 1))]).ravel()
        text = f"S_rect_02: {width} {height}\nP_rect_02: {' '.join(f'{x:.9e}' for x in rows)}\n"
        with files.named(folder / CALIBRATION) as path:
            path.write_text(text)

    def write_frames(self, raw: pathlib.Path, source: str, drives: dict, image_format: str) -> None:
        """Writes frames of the clip `source`; drives: DATE/DRIVE below `raw` -> frame numbers.

        ValueError when one of them cannot be decoded, OSError when one cannot be written.
        """
        suffix = {"jpeg": "jpg"}.get(image_format, image_format)
        targets = {}
        for drive, numbers in drives.items():
            folder = raw / drive / "image_02" / "data"
            folder.mkdir(parents=True)
            targets.update({n: folder / f"{i:010d}.{suffix}" for i, n in enumerate(numbers)})
        frames = enumerate(video_frames.read(source, self._crop))
        for number, frame in progress.bar(frames, desc="writing frames", unit="frame"):
            if number in targets:
                if self._lens is not None:
                    frame = self._lens(frame)
                data = encode.encode_pixels(Image.fromarray(frame), image_format)
                with files.named(targets.pop(number)) as path:
                    path.write_bytes(data)
        if targets:
            raise ValueError(f"{source}: frame {min(targets)} cannot be decoded a second time")
