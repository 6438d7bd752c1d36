"""Frames of a video file, or of a folder of images in the order of their names."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import numpy as np

from aquanet_tf.media import images, inputs, video
from data_prep.video.crop import NO_CROP, Crop


def clips(path: str | pathlib.Path) -> list[pathlib.Path]:
    """The clips of an --input: a video file, a folder of images, or the videos in a folder.

    Videos are sorted by the numbers in their names. ValueError when the path is missing, or the
    folder holds nothing, or both videos and images.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return [path]
    listed = inputs.list_media(path)
    videos = [file for file in listed if video.is_video(file)]
    if videos and len(videos) < len(listed):
        raise ValueError(
            f"{path}: holds {len(videos)} videos and {len(listed) - len(videos)} images; keep one "
            "kind in the folder"
        )
    return sorted(videos, key=_natural) or [path]


def names(path: str | pathlib.Path) -> list[pathlib.Path]:
    """The files of a clip: the video, or the images of a folder by the numbers in their names.

    ValueError when the path is missing or the folder holds no image.
    """
    path = pathlib.Path(path)
    return [path] if path.is_file() else sorted(images.list_images(path), key=_natural)


def read(path: str | pathlib.Path, crop: Crop = NO_CROP) -> Iterator[np.ndarray]:
    """Yields uint8 [H, W, 3] RGB of a clip, cropped, frame after frame, all of one size.

    ValueError naming the file when it cannot be decoded, or differs in size from the frames before.
    """
    path = pathlib.Path(path)
    listed = names(path)
    shape, count = None, 0
    for frame in video.frames(path) if path.is_file() else map(_image, listed):
        if shape not in (None, frame.shape):
            where = path if path.is_file() else listed[count]
            raise ValueError(
                f"{where}: {frame.shape[1]}x{frame.shape[0]}, the frames before are "
                f"{shape[1]}x{shape[0]}; an --input has one size"
            )
        shape, count = frame.shape, count + 1
        yield crop.frame(frame)
    if not count:
        raise ValueError(f"{path}: no frame can be decoded")


def cut_off(path: str | pathlib.Path, decoded: int) -> list[str]:
    """A warning when a video file announces more frames than the `decoded` ones; else empty."""
    path = pathlib.Path(path)
    announced = video.announced(path) if path.is_file() else 0
    if decoded >= 0.95 * announced - 2:
        return []
    # The header tells the longest of picture and sound.
    return [
        f"{decoded} of about {announced} frames could be decoded: is the file cut off, or the "
        "sound longer than the picture?"
    ]


def _image(path: pathlib.Path) -> np.ndarray:
    """A frame of a folder. ValueError with the fix when it cannot be read: whether the frames
    beside it may become neighbors, the user decides."""
    try:
        return images.read_image(path)
    except ValueError as error:
        raise ValueError(
            f"{error}; restore it, or move it away: the frames beside it then become neighbors"
        ) from None


def _natural(path: pathlib.Path):
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if part.isdigit() else part for part in parts]
