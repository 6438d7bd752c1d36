"""The frames of an --input in order of time: a video, a folder of images, or a KITTI drive."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from aquanet_tf.media import images, inputs, video

# Where a KITTI drive, and a sequence of its odometry benchmark, keep the images of a camera.
_DRIVE_FOLDERS = ("image_02/data", "image_03/data", "image_2", "image_3", "image_0", "image_1")


class Frames(NamedTuple):
    """Frames to iterate over once: uint8 [H, W, 3] each. times: seconds, [N]."""

    images: Iterable[np.ndarray]
    times: np.ndarray


def open_frames(source: str | pathlib.Path, fps: float, stride: int = 1) -> Frames:
    """Every `stride`-th frame of `source`.

    Args:
        source: a video, a folder of images, or a folder of a KITTI drive, whose first camera among
            image_02, image_03, image_2, image_3, image_0, image_1 is taken.
        fps: frames per second of a folder; a video says its own.

    Raises ValueError naming the source for fewer than two frames, or when it holds none.
    """
    source = pathlib.Path(source)
    if source.is_file() and video.is_video(source):
        clip = video.probe(source)
        count, rate, stream = clip.frames, clip.fps, video.frames(source)
    else:
        listed = images.list_images(_folder(source))
        count, rate, stream = len(listed), fps, map(images.read_image, listed)
    numbers = np.arange(0, count, stride)
    if len(numbers) < 2:
        raise ValueError(f"{source}: {len(numbers)} frame with --stride={stride}; two are needed")
    chosen = itertools.islice(stream, 0, None, stride)
    return Frames(inputs.of_one_size(source, chosen), numbers / rate)


def _folder(source):
    return next((source / name for name in _DRIVE_FOLDERS if (source / name).is_dir()), source)
