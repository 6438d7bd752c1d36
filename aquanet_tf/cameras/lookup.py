"""Looks images up between their pixels."""

from __future__ import annotations

import numpy as np


class Lookup:
    """Bilinear lookup in images of `shape` (H, W), at the same places in each.

    u, v: columns 0..W-1 and rows 0..H-1, float64 [h, w]; pixel centers are at integers.
    """

    def __init__(self, u: np.ndarray, v: np.ndarray, shape: tuple[int, int]):
        self.shape = height, width = shape
        low_u, low_v = (np.minimum(a.astype(np.int64), n - 2) for a, n in ((u, width), (v, height)))
        self._index = low_v * width + low_u
        self._part_u = (u - low_u).astype(np.float32)[..., None]
        self._part_v = (v - low_v).astype(np.float32)[..., None]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, C] -> uint8 [h, w, C]. ValueError for an image of another size."""
        height, width = self.shape
        if image.shape[:2] != (height, width):
            raise ValueError(f"image is {image.shape[:2]}, expected {(height, width)}")
        flat = image.reshape(height * width, -1)

        def corner(step):
            return flat[self._index + step].astype(np.float32)

        upper = corner(0) + self._part_u * (corner(1) - corner(0))
        lower = corner(width) + self._part_u * (corner(width + 1) - corner(width))
        return np.round(upper + self._part_v * (lower - upper)).astype(np.uint8)
