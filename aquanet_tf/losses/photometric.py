"""Photometric error of two images: L1, structural similarity (SSIM), or both as in Monodepth2."""

from __future__ import annotations

import tensorflow as tf

# The share of SSIM in Monodepth2 (Godard et al., ICCV 2019).
SSIM_SHARE = 0.85
_C1, _C2 = 0.01**2, 0.03**2


def photometric_error(a, b, ssim_share=SSIM_SHARE, weight=None):
    """share * (1 - SSIM) / 2 + (1 - share) * |a - b|, mean over channels: [B,H,W,C] -> [B,H,W,1].

    A share of 0 is L1. weight: of `ssim_error`.
    """
    l1 = tf.reduce_mean(tf.abs(a - b), axis=-1, keepdims=True)
    if ssim_share == 0:
        return l1
    ssim = tf.reduce_mean(ssim_error(a, b, weight), axis=-1, keepdims=True)
    return ssim_share * ssim + (1 - ssim_share) * l1


def ssim_error(a, b, weight=None):
    """(1 - SSIM) / 2 clipped to [0, 1], [B,H,W,C]. SSIM over 3x3 windows, borders mirrored.

    weight: [B,H,W,1] in [0, 1], what each pixel counts in the windows that it is in; None: all the
    same. A window without any weight has no error.
    """
    a, b = _mirrored(a), _mirrored(b)
    mean = _mean if weight is None else _weighted_mean(_mirrored(weight))
    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    below = (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    return tf.clip_by_value((1 - above / below) / 2, 0.0, 1.0)


def _mirrored(value):
    return tf.pad(value, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")


def _mean(value):
    return tf.nn.avg_pool2d(value, 3, 1, "VALID")


def _weighted_mean(weight):
    """Function like `_mean`, of which `weight` [B,H+2,W+2,1] says what each pixel counts."""
    total = _mean(weight)
    return lambda value: tf.math.divide_no_nan(_mean(weight * value), total)
