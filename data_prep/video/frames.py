"""Frames of a video file, or of a folder of pictures in the order of their names."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import numpy as np

from aquanet_tf.media import images, video


def names(path: str | pathlib.Path) -> list[pathlib.Path] | None:
    """The pictures of a folder, numbers in their names counted as numbers; None for a file.

    ValueError when the path is missing or the folder holds no picture.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return None
    return sorted(images.list_images(path), key=_natural)


def read(path: str | pathlib.Path) -> Iterator[np.ndarray]:
    """Yields uint8 [H, W, 3] RGB, frame after frame, all of one size.

    ValueError naming the file when it cannot be decoded, or a picture differs in size.
    """
    pictures = names(path)
    shape, count = None, 0
    for frame in (
        video.frames(pathlib.Path(path)) if pictures is None else map(images.read_image, pictures)
    ):
        if shape not in (None, frame.shape):
            where = path if pictures is None else pictures[count]
            raise ValueError(
                f"{where}: {frame.shape[0]}x{frame.shape[1]}, the frames before are "
                f"{shape[0]}x{shape[1]}; one camera and one size to an --input"
            )
        shape, count = frame.shape, count + 1
        yield frame
    if not count:
        raise ValueError(f"{path}: no frame can be decoded")


def _natural(path: pathlib.Path):
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if part.isdigit() else part for part in parts]
