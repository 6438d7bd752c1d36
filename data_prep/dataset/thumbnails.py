"""Small copies of images, for comparing frames and for contact sheets."""

from __future__ import annotations

import numpy as np
from PIL import Image

# Frames are compared at this width: it averages away compression noise, but not motion.
COMPARED_WIDTH = 160


def size_at(width: int, shape: tuple[int, int]) -> tuple[int, int]:
    """(width, height) in pixels of an image of `shape` (height, width, ...) scaled to `width`."""
    return width, max(1, round(shape[0] * width / shape[1]))


def shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The image at `size` (width, height); each pixel is the mean of those that it replaces."""
    return image.resize(size, Image.Resampling.BOX)


def gray(image: Image.Image, size: tuple[int, int] | None = None) -> np.ndarray:
    """Gray levels uint8 [h, w] of an image at `size` (width, height).

    Without a size the image is reduced to a width of 160 pixels, or kept if it is narrower.
    """
    size = size or size_at(min(COMPARED_WIDTH, image.width), (image.height, image.width))
    return np.asarray(shrunk(image.convert("L"), size))
