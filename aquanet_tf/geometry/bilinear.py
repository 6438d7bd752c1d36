"""Bilinear sampling of an image at given pixel coordinates.

A sample outside the image's extent (see `camera`: half a pixel beyond the outer pixel centers) is
zero and reported as outside. Within that half pixel the nearest pixel centers are used, so that an
identity warp keeps the border pixels whatever the rounding of their coordinates.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Corners(NamedTuple):
    """Where four bilinear corners lie in a flattened batch of images, all shaped like x.

    index: int32 index of the top-left corner in [0, B*H*W); the others are at +1, +W, +W+1.
    fx, fy: weights of the right and lower corners, in [0, 1].
    free_x, free_y: 1 where the coordinate was not clamped (its gradient passes), else 0.
    inside: bool, the sample lies in the image's extent.
    """

    index: tf.Tensor
    fx: tf.Tensor
    fy: tf.Tensor
    free_x: tf.Tensor
    free_y: tf.Tensor
    inside: tf.Tensor


def find_corners(x, y, height, width):
    """`Corners` of pixel coordinates x, y [B, P] in images [B, height, width]; sizes >= 2."""
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    # Outside samples (NaN and Inf among them) read pixel 0, so that no index leaves the image.
    clamped_x = tf.clip_by_value(tf.where(inside, x, tf.zeros_like(x)), 0.0, width - 1.0)
    clamped_y = tf.clip_by_value(tf.where(inside, y, tf.zeros_like(y)), 0.0, height - 1.0)
    x0 = tf.minimum(tf.floor(clamped_x), width - 2.0)
    y0 = tf.minimum(tf.floor(clamped_y), height - 2.0)
    image = tf.range(tf.shape(x)[0])[:, None] * (height * width)
    index = image + tf.cast(y0, tf.int32) * width + tf.cast(x0, tf.int32)
    free_x = tf.cast((x > 0.0) & (x < width - 1.0), x.dtype)
    free_y = tf.cast((y > 0.0) & (y < height - 1.0), y.dtype)
    return Corners(index, clamped_x - x0, clamped_y - y0, free_x, free_y, inside)


def gather_corners(source, corners, width):
    """The four corner values (top-left, top-right, bottom-left, bottom-right), each [B, P, C],
    of a flattened source [B*H*W, C]."""
    index = corners.index
    return [tf.gather(source, index + step) for step in (0, 1, width, width + 1)]


def interpolate(values, corners):
    """Bilinear mix [B, P, C] of what `gather_corners` returned."""
    fx, fy = corners.fx[..., None], corners.fy[..., None]
    top = values[0] + fx * (values[1] - values[0])
    bottom = values[2] + fx * (values[3] - values[2])
    return top + fy * (bottom - top)


def bilinear_sample(image, x, y):
    """Samples image [B,H,W,C] at pixel coordinates x, y [B,h,w].

    Returns (values [B,h,w,C], inside [B,h,w,1] bool); values are zero outside. Differentiable
    in the image and the coordinates. NaN coordinates count as outside.
    """
    height, width, channels = image.shape[1], image.shape[2], image.shape[3]
    batch, out_height, out_width = tf.shape(x)[0], x.shape[1], x.shape[2]
    flat = [batch, out_height * out_width]
    corners = find_corners(tf.reshape(x, flat), tf.reshape(y, flat), height, width)
    source = tf.reshape(image, [-1, channels])
    values = interpolate(gather_corners(source, corners, width), corners)
    values = tf.where(corners.inside[..., None], values, tf.zeros_like(values))
    shape = [batch, out_height, out_width]
    return tf.reshape(values, [*shape, channels]), tf.reshape(corners.inside, [*shape, 1])
