"""Removes lens distortion from images, for the models of `lens`."""

from __future__ import annotations

import numpy as np

from aquanet_tf.cameras.camera_file import Camera
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.cameras.lookup import Lookup

_ORDER = {"radtan": "k1, k2, p1, p2, k3", "equidistant": "k1, k2, k3, k4"}


class Undistorter:
    """Converts images uint8 [H, W, C] of `shape` (H, W) into those of a pinhole camera.

    Focal lengths stay the same, and images are cropped to the valid region, `window` (top, left,
    height, width) in pixels; `k` is K [3, 3] of the result. Bilinear interpolation. ValueError for
    coefficients that fold the image (they do not hold up to its corners) or leave less than a
    quarter of it.
    """

    def __init__(self, k: np.ndarray, lens: Lens, shape: tuple[int, int]):
        height, width = shape
        x_seen, y_seen = lens.distort(*Camera(k, Lens()).rays(shape))
        u = k[0, 0] * x_seen + k[0, 1] * y_seen + k[0, 2]
        v = k[1, 1] * y_seen + k[1, 2]
        inside = (u >= 0) & (u <= width - 1) & (v >= 0) & (v <= height - 1)
        self.window = top, left, rows, columns = _all_true(inside)
        self.k = k - [[0, 0, left], [0, 0, top], [0, 0, 0]]
        if 4 * rows * columns < height * width:
            raise ValueError(
                f"distortion {_named(lens)} leaves {columns}x{rows} of the image: are these "
                f"{_ORDER[lens.model]}, in this order, and is K that of the frames?"
            )
        part = np.s_[top : top + rows, left : left + columns]
        u, v = u[part], v[part]
        folds = np.diff(u, axis=1).min() <= 0 or np.diff(v, axis=0).min() <= 0
        if folds or not inside[part].all():
            raise ValueError(
                f"distortion {_named(lens)} folds the image: check the coefficients "
                f"({_ORDER[lens.model]}) and K"
            )
        self._lookup = Lookup(u, v, shape)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return self._lookup(image)


def _all_true(mask: np.ndarray) -> tuple[int, int, int, int]:
    """(top, left, height, width) of a window in which `mask` is all True.

    The side with the largest share of False is removed until none is left.
    """
    top, bottom, left, right = 0, mask.shape[0], 0, mask.shape[1]
    while top < bottom and left < right:
        part = mask[top:bottom, left:right]
        sides = [1 - line.mean() for line in (part[0], part[-1], part[:, 0], part[:, -1])]
        worst = int(np.argmax(sides))
        if sides[worst] == 0:
            return top, left, bottom - top, right - left
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return 0, 0, 0, 0


def _named(lens: Lens) -> str:
    return f"{lens.model} {list(lens.coefficients)}"
