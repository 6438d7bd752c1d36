"""Pinhole camera: intrinsics under resize, crop and flip, pixel rays, positional grids.

The conventions of the whole project:

* Pixel centers are integers: (0, 0) is the center of the top-left pixel, u right, v down. An
  image of W x H pixels covers [-0.5, W - 0.5] x [-0.5, H - 0.5].
* K is the 3x3 matrix of intrinsics, in pixels of the image it belongs to: after a resize, crop or
  flip of the image it must be changed, too.
* Camera axes: x right, y down, z forward. T_{a->b} maps points of frame a into frame b,
  X_b = R X_a + t (see `pose.Motion`).
* Inverse depth is 1/z (the paper's disparity), in relative units; d -> 0 is far away.
* Resizing uses half-pixel centers, as tf.image.resize and Pillow do.
* The positional grid is normalized to the whole image: (0, 0) its center, -1 and 1 the centers of
  its border pixels.

Every function takes arrays or tensors with any leading batch dimensions and returns tensors
of the input's float type.
"""

from __future__ import annotations

import tensorflow as tf

# A ray counts as pointing forward only above this third coordinate: dividing by less would let a
# camera turned by 90 degrees produce unbounded coordinates and gradients.
MIN_FORWARD = 1e-3


def resize_intrinsics(k, scale_x, scale_y):
    """K [..., 3, 3] after a resize by the true ratios new_size / old_size of each axis.

    fx' = sx fx, cx' = sx (cx + 0.5) - 0.5, and the same for y (half-pixel centers).
    """
    return _transform(k, scale_x, scale_y, 0.5 * _as(scale_x, k) - 0.5, 0.5 * _as(scale_y, k) - 0.5)


def crop_intrinsics(k, x0, y0):
    """K [..., 3, 3] of the crop whose top-left pixel is (x0, y0): cx' = cx - x0."""
    return _transform(k, 1.0, 1.0, -_as(x0, k), -_as(y0, k))


def flip_intrinsics(k, width):
    """K [..., 3, 3] of the mirrored image, `width` pixels wide: cx' = (width - 1) - cx.

    The focal length stays positive: the mirrored image shows a mirrored world.
    """
    k = tf.convert_to_tensor(k)
    mirrored = _as(width, k) - 1.0 - k[..., 0, 2]
    row = tf.stack([k[..., 0, 0], -k[..., 0, 1], mirrored], axis=-1)
    return tf.stack([row, k[..., 1, :], k[..., 2, :]], axis=-2)


def invert_intrinsics(k):
    """K^{-1} [..., 3, 3] in closed form; K upper triangular with last row (0, 0, 1)."""
    k = tf.convert_to_tensor(k)
    fx, skew, cx = k[..., 0, 0], k[..., 0, 1], k[..., 0, 2]
    fy, cy = k[..., 1, 1], k[..., 1, 2]
    zero, one = tf.zeros_like(fx), tf.ones_like(fx)
    rows = [
        tf.stack([1 / fx, -skew / (fx * fy), (skew * cy - cx * fy) / (fx * fy)], axis=-1),
        tf.stack([zero, 1 / fy, -cy / fy], axis=-1),
        tf.stack([zero, zero, one], axis=-1),
    ]
    return tf.stack(rows, axis=-2)


def pixel_grid(height, width, dtype=tf.float32):
    """Homogeneous pixel centers (u, v, 1), [height, width, 3]."""
    u, v = tf.meshgrid(tf.range(width), tf.range(height))
    u, v = tf.cast(u, dtype), tf.cast(v, dtype)
    return tf.stack([u, v, tf.ones_like(u)], axis=-1)


def pixel_rays(k, height, width):
    """Rays K^{-1} (u, v, 1) [..., height, width, 3] in the camera frame, third coordinate 1."""
    k = tf.convert_to_tensor(k)
    grid = pixel_grid(height, width, k.dtype)
    return tf.einsum("...ij,hwj->...hwi", invert_intrinsics(k), grid)


def project(points, k):
    """Pixels (u, v) [..., n, 2] of camera-frame points [..., n, 3] under K [..., 3, 3].

    Points with z <= 0 are behind the camera; the caller masks them.
    """
    image = tf.einsum("...ij,...nj->...ni", k, points)
    return image[..., :2] / image[..., 2:]


def positional_grid(height, width):
    """(u, v) of each pixel of a *whole* image, [height, width, 2], in [-1, 1]. A crop takes its
    part of the grid of the whole image."""
    u, v = tf.meshgrid(unit_line(width), unit_line(height))
    return tf.stack([u, v], axis=-1)


def unit_line(size):
    """-1..1 over `size` pixel centers (0 for a single pixel)."""
    last = tf.cast(tf.maximum(size - 1, 1), tf.float32)
    return (2.0 * tf.cast(tf.range(size), tf.float32) - tf.cast(size - 1, tf.float32)) / last


def _as(value, like):
    return tf.cast(value, tf.convert_to_tensor(like).dtype)


def _transform(k, sx, sy, ox, oy):
    """A K with A = [[sx, 0, ox], [0, sy, oy], [0, 0, 1]]; scalars or batched values."""
    k = tf.convert_to_tensor(k)
    sx, sy, ox, oy = (_as(value, k)[..., None] for value in (sx, sy, ox, oy))
    first = sx * k[..., 0, :] + ox * k[..., 2, :]
    second = sy * k[..., 1, :] + oy * k[..., 2, :]
    return tf.stack([first, second, tf.broadcast_to(k[..., 2, :], tf.shape(first))], axis=-2)
