"""SPIMO masks (Eq. 6 and 7): likely moving objects from shifted positional information.

A network trained on all pixels knows by heart where moving things stand in the picture. Told that
a crop lies elsewhere, it changes its mind about them and not about static things: where its depth
estimates under shifted grids disagree, something likely moves. One image is all it takes.

`config` below is a `config.Config` (or anything with its `spimo_` options).
Masks are 1 where static and 0 where likely moving, as in the paper.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.networks import boosted
from aquanet_tf.networks import estimate as networks_estimate


def source(network, config, how="plain"):
    """The estimate that masks are made from: `plain` that of a network (Eq. 6), or `boosted`
    (Eq. 8, "full" in Table 1). `config` is the one the network was trained with."""
    estimate = networks_estimate.of_network(network, config)
    return boosted.boosted(estimate) if how == "boosted" else estimate


def grid_shifts(config):
    """The passes' shifts [(u, v), ...] in units of the normalized grid; the first is none."""
    u, v = config.spimo_shift_u, config.spimo_shift_v
    horizontal = [(0.0, 0.0), (u, 0.0), (-u, 0.0)]
    return horizontal if config.spimo_passes == 3 else [*horizontal, (0.0, v)]


def dispersion(depths):
    """Eq. 7: unbiased variance / mean^2 over the last axis, kept as one: [..., K] -> [..., 1].

    ValueError for less than two estimates.
    """
    count = depths.shape[-1]
    if count < 2:
        raise ValueError(f"dispersion needs two or more estimates, got {count}")
    mean = tf.reduce_mean(depths, axis=-1, keepdims=True)
    # Relative to the mean before squaring: depth of some hundred units loses no digits.
    deviation = tf.reduce_sum((depths / mean - 1.0) ** 2, axis=-1, keepdims=True)
    return deviation / (count - 1)


def inverse_depth_volume(estimate, image, grid, intrinsics, config):
    """Inverse depth [B,H,W,K] under the K shifted grids, one network call of B * K images.

    With `spimo_renormalize` the vertically shifted pass is brought to the mean and standard
    deviation (each image's) that the other passes have on average, since a vertical shift moves
    the depth of everything; it never falls below their smallest value.
    """
    shifts = grid_shifts(config)
    count = len(shifts)
    estimates = estimate(
        tf.tile(image, [count, 1, 1, 1]),
        tf.concat([grid + tf.constant(shift, grid.dtype) for shift in shifts], axis=0),
        tf.tile(intrinsics, [count, 1, 1]),
    )
    volume = tf.concat(tf.split(estimates, count), axis=-1)
    if config.spimo_renormalize and count == 4:
        others = volume[..., :3]
        volume = tf.concat([others, _restandardized(volume[..., 3:], others)], axis=-1)
    return volume


def dispersion_map(estimate, image, grid, intrinsics, config):
    """Dispersion of depth [B,H,W,1], no gradient; bilinear where the passes run at another size.

    Args:
        estimate: of the frozen network, see `source`.
        image: [B,H,W,3] in [0,1]; grid: [B,H,W,2]; intrinsics: [B,3,3], pixels of the image.
    """

    def passes(*inputs):
        return dispersion(1.0 / inverse_depth_volume(estimate, *inputs, config))

    if config.spimo_resolution != 1.0:
        passes = networks_estimate.at_scale(passes, config.spimo_resolution, "none")
    return tf.stop_gradient(passes(image, grid, intrinsics))


def static_mask(dispersion_value, grid, config):
    """M of Eq. 7: 1.0 where dispersion < `spimo_threshold`, or above the line v =
    `spimo_ignore_top` of the whole image, which always counts as static; else 0.0. [B,H,W,1]."""
    static = dispersion_value < config.spimo_threshold
    static |= grid[..., 1:] < config.spimo_ignore_top
    return tf.cast(static, tf.float32)


def moving_probability(dispersion_value, config):
    """How likely a pixel moves, in [0, 1]: s / (s + gamma) of the dispersion s, same shape.

    Eq. 7 is a statistic and a threshold; the paper has no probability. This is the logistic
    function of ln(s / gamma): the odds of moving are proportional to the dispersion, and even at
    the paper's threshold. Nothing calibrated it on objects that are known to move.
    """
    return tf.math.divide_no_nan(dispersion_value, dispersion_value + config.spimo_threshold)


def readable(config):
    """Whether a network trained with `config` has learned what the masks read: where moving things
    stand in the picture. A stage-2 network never saw them, and one trained on whole frames
    (`--depth_scaling=none`) never saw its grid vary and hardly looks at it."""
    return config.stage == "1" and config.depth_scaling != "none"


def masks(estimate, image, grid, intrinsics, config):
    """Static mask [B,H,W,1] of images; arguments as `dispersion_map`."""
    value = dispersion_map(estimate, image, grid, intrinsics, config)
    return static_mask(value, grid, config)


def _restandardized(shifted, others):
    """`shifted` [B,H,W,1] with mean and deviation that `others` [B,H,W,3] have on average."""
    space = [1, 2]

    def moments(value):
        mean = tf.reduce_mean(value, space, keepdims=True)
        deviation = tf.math.reduce_std(value, space, keepdims=True)
        return (tf.reduce_mean(part, -1, keepdims=True) for part in (mean, deviation))

    mean, deviation = moments(shifted)
    wanted_mean, wanted_deviation = moments(others)
    value = (shifted - mean) / (deviation + 1e-12) * wanted_deviation + wanted_mean
    return tf.maximum(value, tf.reduce_min(others, [1, 2, 3], keepdims=True))
