"""Depth as a plain function, and functions made from it.

An *estimate* takes (image [B,H,W,3] in [0,1], grid [B,H,W,2], intrinsics [B,3,3]) and returns
inverse depth (the paper's disparity) [B,H,W,1], float32, relative units. Masks, boosting and
post-processing compose estimates; a network, a boosted network or a test's formula may be behind
one. Everything works in graphs, with known or unknown sizes.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import camera, depth_scaling
from aquanet_tf.layers import quantization


def decode(logits, beta, inverse_depth_min, inverse_depth_max):
    """Inverse depth [..., 1] from the outputs of a depth network, whatever its `--head`.

    Args:
        logits: [..., N+1], decoded by Eq. 5; or [..., 1], see `decode_direct`.
        beta: [..., 1], parameter of Eq. 4; without effect on a single logit.
        inverse_depth_min, inverse_depth_max: the network's range [d_min, d_max].
    """
    limits = inverse_depth_min, inverse_depth_max
    if logits.shape[-1] == 1:
        return decode_direct(logits, *limits)
    return quantization.expected_inverse_depth(logits, beta, *limits)


def decode_direct(logit, inverse_depth_min, inverse_depth_max):
    """`--head=direct`, without levels: d_min + (d_max - d_min) sigmoid(logit), [..., 1]."""
    span = inverse_depth_max - inverse_depth_min
    return inverse_depth_min + span * tf.sigmoid(logit)


def of_network(aquanet, config):
    """The estimate of a depth network; `config` gives its range of inverse depth."""

    def estimate(image, grid, intrinsics):
        logits, beta = aquanet(image, grid, intrinsics)
        return decode(logits, beta, config.inverse_depth_min, config.inverse_depth_max)

    return estimate


def at_scale(estimate, factor, rule):
    """The estimate of the image resized by `factor`, as an estimate of the image itself.

    Image, grid and K are resized by the true ratios after rounding. The result is resized back,
    and the growth of inverse depth with resolution is undone.

    rule: the network's `--depth_scaling`, see `geometry.depth_scaling`.
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
        return depth_scaling.undo_growth(value, tf.sqrt(ratio_x * ratio_y), rule)

    return scaled


def mirrored(estimate):
    """The estimate of the image mirrored left to right, mirrored back.

    For whole images only: their grid, mirrored with u negated, is the same grid.
    """

    def flipped(image, grid, intrinsics):
        return tf.reverse(estimate(tf.reverse(image, [2]), grid, intrinsics), [2])

    return flipped


def mean_over_grids(own, shifted, shift):
    """The mean of an estimate on the positional grid itself and on the grid shifted up and down.

    An addition of ours, not the paper's: a network relies too much on where in an image objects
    usually are, and too little on the objects themselves (docs/method.md#using-a-network).

    Args:
        own: the estimate on the grid itself.
        shifted: function of v: the estimate on the grid shifted vertically by v, of which 2 is the
            height of the whole image.
        shift: `--grid_shift`; 0 returns `own` and calls nothing.
    """
    return tf.add_n([own, shifted(-shift), shifted(shift)]) / 3.0 if shift else own


def over_grids(estimate, shift):
    """The estimate that is the `mean_over_grids` of another."""

    def mean(image, grid, intrinsics):
        return mean_over_grids(
            estimate(image, grid, intrinsics),
            lambda v: estimate(image, grid + tf.constant([0.0, v]), intrinsics),
            shift,
        )

    return mean


def with_known(estimate, inputs, value):
    """The same estimate, which returns `value` for these very `inputs` without a pass of its own.

    For estimates composed of several passes, one of which the caller has already made.
    """

    def reused(*given):
        same = all(tensor is known for tensor, known in zip(given, inputs))
        return value if same else estimate(*given)

    return reused


def size_of(image):
    """(height, width) of [B,H,W,C]: integers where they are known, else scalar tensors."""
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
