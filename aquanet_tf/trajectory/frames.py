"""The frames of an --input in order of time: a video, a folder of images, or a KITTI drive."""

from __future__ import annotations

import itertools
import pathlib
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from aquanet_tf.kitti import travel
from aquanet_tf.media import images, inputs, video

# Where a KITTI drive, and a sequence of its odometry benchmark, keep the images of a camera.
_DRIVE_FOLDERS = ("image_02/data", "image_03/data", "image_2", "image_3", "image_0", "image_1")
DEFAULT_FPS = 10.0  # of a folder without time stamps


class Frames(NamedTuple):
    """Frames to iterate over once: uint8 [H, W, 3] each. times: seconds from the first, [N]."""

    images: Iterable[np.ndarray]
    times: np.ndarray


def open_frames(source: str | pathlib.Path, fps: float | None = None, stride: int = 1) -> Frames:
    """Every `stride`-th frame of `source`.

    Args:
        source: a video, a folder of images, or a folder of a KITTI drive, whose first camera among
            image_02, image_03, image_2, image_3, image_0, image_1 is taken.
        fps: frames per second of a folder; None: the time stamps of a KITTI drive, else
            DEFAULT_FPS.

    Raises ValueError naming the source for fewer than two frames, or when it holds none, and for
    `fps` of a video, which says its own.
    """
    source = pathlib.Path(source)
    if source.is_file() and video.is_video(source):
        if fps is not None:
            raise ValueError(f"--fps is for folders; {source} is a video and says its own")
        clip = video.probe(source)
        times, stream = np.arange(clip.frames) / clip.fps, video.frames(source)
    else:
        listed = images.list_images(_folder(source))
        times = _time_stamps(listed) if fps is None else None
        if times is None:
            times = np.arange(len(listed)) / (fps or DEFAULT_FPS)
        stream = map(images.read_image, listed)
    times = times[::stride]
    if len(times) < 2:
        raise ValueError(f"{source}: {len(times)} frame with --stride={stride}; two are needed")
    chosen = itertools.islice(stream, 0, None, stride)
    return Frames(inputs.of_one_size(source, chosen), times)


def _time_stamps(listed: list[pathlib.Path]) -> np.ndarray | None:
    """Seconds of the images of a KITTI drive; None unless each has one, later than the one before.

    listed: DRIVE/image_0N/data/NUMBER.png; other images have none.
    """
    folder = listed[0].absolute().parent
    camera = re.fullmatch(r"image_(\d\d)", folder.parent.name)
    if folder.name != "data" or not camera:
        return None
    known = travel.times(folder.parents[1], int(camera[1]))
    found = [known.get(int(path.stem)) if path.stem.isdecimal() else None for path in listed]
    if None in found or not (np.diff(found) > 0).all():
        return None
    return np.array(found) - found[0]


def _folder(source):
    return next((source / name for name in _DRIVE_FOLDERS if (source / name).is_dir()), source)
