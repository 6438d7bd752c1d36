"""Images and frames as a network gets them: as recorded, or undistorted."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from aquanet_tf.cameras import camera_file
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.cameras.undistort import Undistorter
from aquanet_tf.media import images, point_cloud, video


class Picture(NamedTuple):
    """source: the file. image: uint8 [H, W, 3] RGB. camera: of an undistorted image; else None."""

    source: pathlib.Path
    image: np.ndarray
    camera: camera_file.Camera | None = None


class Pictures:
    """Reads images and videos, and undistorts them when `camera` says so.

    Undistorted images have the K of the camera, moved by the margin that is cut off, and no lens.
    All methods raise ValueError naming the file that cannot be read or is not of the camera.
    """

    def __init__(self, camera: point_cloud.Camera):
        self._camera = camera
        self._undistorters = {}

    def read(self, path: pathlib.Path) -> Picture:
        """An image file."""
        return self._picture(path, images.read_image(path))

    def frames(self, path: pathlib.Path) -> Iterator[Picture]:
        """The frames of a video."""
        for frame in video.frames(path):
            yield self._picture(path, frame)

    def probe(self, path: pathlib.Path) -> video.Clip:
        """Size and length of a video, as `frames` yields it."""
        clip = video.probe(path)
        if self._camera.undistort:
            height, width = self._undistorter(path, (clip.height, clip.width)).window[2:]
            clip = clip._replace(height=height, width=width)
        return clip

    def _picture(self, path, image) -> Picture:
        if not self._camera.undistort:
            return Picture(path, image)
        undistorter = self._undistorter(path, image.shape[:2])
        return Picture(path, undistorter(image), camera_file.Camera(undistorter.k, Lens()))

    def _undistorter(self, path, shape) -> Undistorter:
        if shape not in self._undistorters:
            k, lens = self._camera.of(path, *shape)
            try:
                self._undistorters[shape] = Undistorter(k, lens, shape)
            except ValueError as error:
                raise ValueError(f"{path}: {self._camera.source}: {error}") from None
        return self._undistorters[shape]
