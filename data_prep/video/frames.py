"""Frames of a video file, or of a folder of images in the order of their names."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import numpy as np

from aquanet_tf.media import images, video


def names(path: str | pathlib.Path) -> list[pathlib.Path] | None:
    """The images of a folder, sorted by the numbers in their names; None for a file.

    ValueError when the path is missing or the folder holds no image.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return None
    return sorted(images.list_images(path), key=_natural)


def read(path: str | pathlib.Path) -> Iterator[np.ndarray]:
    """Yields uint8 [H, W, 3] RGB, frame after frame, all of one size.

    ValueError naming the file when it cannot be decoded, or differs in size from the frames before.
    """
    listed = names(path)
    shape, count = None, 0
    for frame in (
        video.frames(pathlib.Path(path)) if listed is None else map(images.read_image, listed)
    ):
        if shape not in (None, frame.shape):
            where = path if listed is None else listed[count]
            raise ValueError(
                f"{where}: {frame.shape[0]}x{frame.shape[1]}, the frames before are "
                f"{shape[0]}x{shape[1]}; an --input has one size"
            )
        shape, count = frame.shape, count + 1
        yield frame
    if not count:
        raise ValueError(f"{path}: no frame can be decoded")


def cut_off(path: str | pathlib.Path, decoded: int) -> list[str]:
    """A warning when a video file announces more frames than the `decoded` ones; else empty."""
    path = pathlib.Path(path)
    announced = video.announced(path) if path.is_file() else 0
    if decoded >= 0.95 * announced - 2:
        return []
    return [f"{decoded} of about {announced} frames could be decoded: is the file cut off?"]


def _natural(path: pathlib.Path):
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if part.isdigit() else part for part in parts]
