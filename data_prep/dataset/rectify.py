"""Rectifies images of KITTI's unrectified drives (`_extract`), as its `_sync` drives are.

Pixel p of the rectified image shows the ray R_rect^T P_rect[:, :3]^-1 p of the camera. The recorded
image shows that ray through the lens (`radtan` of aquanet_tf.cameras.lens) at pixel K (x', y', 1).
K, D = (k1, k2, p1, p2, k3), R_rect and P_rect are those of calib_cam_to_cam.txt (Geiger et al.,
"Vision meets robotics", IJRR 2013). Pixel centers are at integers.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from aquanet_tf.cameras import lens as cameras_lens
from aquanet_tf.cameras.lookup import Lookup

# Pixels by which rounding may place a border pixel outside.
_ROUNDING = 1e-6


class Lens(NamedTuple):
    """The calibration of an unrectified camera, as tuples of numbers, row by row.

    k: K [3, 3] of the recorded image. distortion: k1, k2, p1, p2, k3. rotation: R_rect [3, 3].
    projection: P_rect[:, :3]. recorded, rectified: (height, width) of the images.
    """

    k: tuple[float, ...]
    distortion: tuple[float, ...]
    rotation: tuple[float, ...]
    projection: tuple[float, ...]
    recorded: tuple[int, int]
    rectified: tuple[int, int]


def recorded_pixels(lens: Lens) -> tuple[np.ndarray, np.ndarray]:
    """Columns u and rows v, float64 [height, width], at which the recorded image shows what each
    pixel of the rectified image shows; NaN for rays that the camera cannot see."""
    k, rotation, projection = (
        np.reshape(a, (3, 3)) for a in (lens.k, lens.rotation, lens.projection)
    )
    rows, columns = np.mgrid[: lens.rectified[0], : lens.rectified[1]].astype(np.float64)
    pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1)
    rays = pixels @ (rotation.T @ np.linalg.inv(projection)).T
    ahead = np.where(rays[..., 2] > 0, rays[..., 2], np.nan)
    x, y = rays[..., 0] / ahead, rays[..., 1] / ahead
    seen_x, seen_y = cameras_lens.Lens("radtan", lens.distortion).distort(x, y)
    return k[0, 0] * seen_x + k[0, 1] * seen_y + k[0, 2], k[1, 1] * seen_y + k[1, 2]


def rectify(image: np.ndarray, lens: Lens) -> np.ndarray:
    """The rectified image, uint8 [height, width, C], of a recorded one, uint8 [H, W, C].

    Bilinear interpolation; black where the recorded image ends.
    """
    lookup, inside = _recorded(lens)
    return lookup(image) * inside


@functools.lru_cache(maxsize=8)
def _recorded(lens: Lens) -> tuple[Lookup, np.ndarray]:
    """Lookup of each rectified pixel in recorded images, and whether they show it, uint8 0 or 1
    [height, width, 1]."""
    height, width = lens.recorded
    u, v = recorded_pixels(lens)
    inside = (np.abs(u - (width - 1) / 2) <= (width - 1) / 2 + _ROUNDING) & (
        np.abs(v - (height - 1) / 2) <= (height - 1) / 2 + _ROUNDING
    )
    u, v = (np.clip(np.where(inside, a, 0), 0, n - 1) for a, n in ((u, width), (v, height)))
    return Lookup(u, v, lens.recorded), inside[..., None].astype(np.uint8)
