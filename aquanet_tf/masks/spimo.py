"""SPIMO masks (Eq. 6 and 7): likely moving objects from shifted positional information.

A network trained on all pixels learns where in an image moving objects usually are. Given a shifted
positional grid it estimates another depth for them, but not for static things. Where the estimates
under shifted grids disperse, something likely moves. One image is enough.

`config` below is a Config, or anything with its `spimo_` options. Masks M are 1 where static and 0
where likely moving, as in the paper. Networks estimate inverse depth (the paper's disparity).
"""

from __future__ import annotations

import warnings

import tensorflow as tf

from aquanet_tf.networks import boosted
from aquanet_tf.networks import estimate as networks_estimate


def source(network, config, how="plain"):
    """The estimate (`networks.estimate`) that masks are made from: `plain`, the network's own
    (Eq. 6), or `boosted` (Eq. 8, "full" in Table 1). config: of the network's training."""
    estimate = networks_estimate.of_network(network, config)
    return boosted.boosted(estimate) if how == "boosted" else estimate


def grid_shifts(config):
    """The shifts [(u, v), ...] of the K passes, in units of the positional grid; the first is 0."""
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
    """Inverse depth [B,H,W,K] under the K shifted grids (Eq. 6): one call with B * K images.

    A vertical shift changes the depth of everything. With `spimo_renormalize` the vertically
    shifted pass therefore gets the mean and standard deviation (of each image) that the other
    passes have on average; it never falls below their smallest value.
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
    """Dispersion of depth [B,H,W,1], no gradient; 0 above the line v = `spimo_ignore_top` of the
    whole image, which thus counts as static. Bilinear where the passes run at another size.

    With `spimo_margin` each pixel gets the largest value within that distance (in rows and
    columns), so masks grow by it at every threshold. Pixels of a moving object that a mask leaves
    out, its lower edge above all, become holes.

    Args:
        estimate: of the frozen network, see `source`.
        image: [B,H,W,3] in [0,1]; grid: [B,H,W,2]; intrinsics: [B,3,3], pixels of the image.
    """

    def passes(*inputs):
        return dispersion(1.0 / inverse_depth_volume(estimate, *inputs, config))

    if config.spimo_resolution != 1.0:
        passes = networks_estimate.at_scale(passes, config.spimo_resolution, "none")
    top = grid[..., 1:] < config.spimo_ignore_top
    value = tf.where(top, 0.0, passes(image, grid, intrinsics))
    if config.spimo_margin:
        value = tf.nn.max_pool2d(value, 2 * config.spimo_margin + 1, strides=1, padding="SAME")
        value = tf.where(top, 0.0, value)
    return tf.stop_gradient(value)


def static_mask(dispersion_value, threshold):
    """The decision of Eq. 7, True where static: dispersion < gamma (`spimo_threshold`). Any shape,
    tensor or NumPy array. The only place that compares the two."""
    return dispersion_value < threshold


def moving_probability(dispersion_value, config):
    """How likely a pixel moves, in [0, 1]: s / (s + gamma) of the dispersion s, same shape.

    Eq. 7 is a statistic and a threshold; the paper has no probability. This is the logistic
    function of ln(s / gamma): the odds of moving are proportional to the dispersion, and even at
    the paper's threshold, below which lies `static_mask`. It is not calibrated on objects whose
    motion is known.
    """
    return tf.math.divide_no_nan(dispersion_value, dispersion_value + config.spimo_threshold)


def unreadable(config):
    """Why a network trained with `config` has not learned what the masks rely on, where in an image
    moving objects are; "" where it has. A stage-2 network was trained without them. One trained on
    whole frames (`--depth_scaling=none`) never saw its grid vary and hardly uses it."""
    if config.stage != "1":
        return "of stage 2"
    return "trained on whole frames" if config.depth_scaling == "none" else ""


def readable(config):
    """Whether masks of a network trained with `config` mean anything, see `unreadable`."""
    return not unreadable(config)


def warn_unreadable(config):
    """Warns of a run whose masks are used although they are not `readable`."""
    if not readable(config):
        text = "SPIMO masks mean little here: they need a stage-1 run trained on random crops"
        warnings.warn(text, stacklevel=3)


def masks(estimate, image, grid, intrinsics, config):
    """Static masks M of Eq. 7, float32 [B,H,W,1], 1 static; arguments as `dispersion_map`."""
    value = dispersion_map(estimate, image, grid, intrinsics, config)
    return tf.cast(static_mask(value, config.spimo_threshold), tf.float32)


def _restandardized(shifted, others):
    """`shifted` [B,H,W,1] with the mean and deviation that `others` [B,H,W,3] have on average."""
    space = [1, 2]

    def moments(value):
        mean = tf.reduce_mean(value, space, keepdims=True)
        deviation = tf.math.reduce_std(value, space, keepdims=True)
        return (tf.reduce_mean(part, -1, keepdims=True) for part in (mean, deviation))

    mean, deviation = moments(shifted)
    wanted_mean, wanted_deviation = moments(others)
    value = (shifted - mean) / (deviation + 1e-12) * wanted_deviation + wanted_mean
    return tf.maximum(value, tf.reduce_min(others, [1, 2, 3], keepdims=True))
