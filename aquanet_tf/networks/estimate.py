"""Depth as a plain function, and functions made from it.

An *estimate* takes (image [B,H,W,3] in [0,1], grid [B,H,W,2], intrinsics [B,3,3]) and returns
inverse depth [B,H,W,1], float32, relative units. Masks, boosting and post-processing are built by
composing estimates, so that they do not care whether a network, a boosted network or a test's
formula is behind it. All of it works in graphs, with sizes known or not.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import camera
from aquanet_tf.layers import quantization


def of_network(aquanet, config):
    """The estimate of a depth network; `config` says its range of inverse depth."""

    def estimate(image, grid, intrinsics):
        logits, beta = aquanet(image, grid, intrinsics)
        return quantization.expected_inverse_depth(
            logits, beta, config.inverse_depth_min, config.inverse_depth_max
        )

    return estimate


def at_scale(estimate, factor, depth_scaling="proportional"):
    """The estimate of a copy of the image `factor` times as large, resized back.

    Image, grid and K are resized by the true ratios after rounding. What comes back is brought
    to full size by the rule the network was trained with (`--depth_scaling`): `proportional`
    inverse depth grows with resolution and is divided by the ratio, `inverse` is multiplied;
    `invariant` and `none` stay.
    """

    def scaled(image, grid, intrinsics):
        height, width = size_of(image)
        new_height, new_width = _times(height, factor), _times(width, factor)
        ratio_y, ratio_x = _ratio(new_height, height), _ratio(new_width, width)
        value = estimate(
            tf.image.resize(image, [new_height, new_width], antialias=True),
            tf.image.resize(grid, [new_height, new_width]),
            camera.resize_intrinsics(intrinsics, ratio_x, ratio_y),
        )
        value = tf.image.resize(value, [height, width])
        ratio = tf.sqrt(ratio_x * ratio_y)
        if depth_scaling == "proportional":
            return value / ratio
        return value * ratio if depth_scaling == "inverse" else value

    return scaled


def mirrored(estimate):
    """The estimate of the image mirrored left to right, mirrored back.

    For whole images only: their grid is its own mirror image (u mirrored and negated), so it is
    passed on as it is.
    """

    def flipped(image, grid, intrinsics):
        return tf.reverse(estimate(tf.reverse(image, [2]), grid, intrinsics), [2])

    return flipped


def size_of(image):
    """(height, width) of [B,H,W,C]: numbers where they are known, else scalar tensors."""
    dynamic = tf.shape(image)
    return tuple(
        dynamic[axis] if image.shape[axis] is None else image.shape[axis] for axis in (1, 2)
    )


def _times(size, factor):
    if isinstance(size, int):
        return max(1, round(size * factor))
    return tf.maximum(1, tf.cast(tf.round(tf.cast(size, tf.float32) * factor), tf.int32))


def _ratio(new, old):
    return tf.cast(new, tf.float32) / tf.cast(old, tf.float32)
