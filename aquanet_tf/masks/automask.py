"""Auto-masks of Monodepth2 (Godard et al., ICCV 2019), the paper's compared mask.

A target pixel counts as static where some reference, warped to the target by the estimated depth
and ego-motion, matches it better than any unwarped reference. An object that moves nearly at the
camera's speed is not recognized; SPIMO masks do not have this limitation.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers import backward_warp

# Static where the warp is better by more than rounding: with a camera at rest both are equal, and
# everything is masked (the original breaks ties by noise of this size).
THRESHOLD = -1e-5
_SSIM_SHARE = 0.85
_C1, _C2 = 0.01**2, 0.03**2


def photometric_error(a, b):
    """0.85 (1 - SSIM) / 2 + 0.15 |a - b|, mean over channels: [B,H,W,3] -> [B,H,W,1].

    SSIM over 3x3 windows, borders mirrored.
    """
    l1 = tf.reduce_mean(tf.abs(a - b), axis=-1, keepdims=True)
    ssim = tf.reduce_mean(ssim_error(a, b), axis=-1, keepdims=True)
    return _SSIM_SHARE * ssim + (1 - _SSIM_SHARE) * l1


def ssim_error(a, b):
    """(1 - SSIM) / 2 clipped to [0, 1], [B,H,W,3]."""
    a, b = (tf.pad(value, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT") for value in (a, b))
    mean_a, mean_b = _mean(a), _mean(b)
    var_a, var_b = _mean(a * a) - mean_a**2, _mean(b * b) - mean_b**2
    covariance = _mean(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    below = (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    return tf.clip_by_value((1 - above / below) / 2, 0.0, 1.0)


def motion_score(target, references, inverse_depth, rotation, translation, intrinsics):
    """Smallest warped error minus smallest unwarped error [B,H,W,1], no gradient; static below
    `THRESHOLD`.

    Args:
        target: [B,H,W,3]; references: [B,2,H,W,3]; inverse_depth: [B,H,W,1] of the target.
        rotation, translation: T_{target -> reference}, [B,2,3,3] and [B,2,3].
        intrinsics: [B,3,3] of all three images.

    A pixel that a reference does not show is black in the warped view, as with Monodepth2's zero
    padding, so it rarely counts as static.
    """
    warped, unwarped = [], []
    for c in range(references.shape[1]):
        view, _ = backward_warp.backward_warp(
            references[:, c],
            inverse_depth,
            rotation[:, c],
            translation[:, c],
            intrinsics,
            intrinsics,
        )
        warped.append(photometric_error(view, target))
        unwarped.append(photometric_error(references[:, c], target))
    return tf.stop_gradient(tf.reduce_min(warped, axis=0) - tf.reduce_min(unwarped, axis=0))


def static_mask(score):
    """True where static: score < THRESHOLD. Any shape, tensor or NumPy array."""
    return score < THRESHOLD


def _mean(value):
    return tf.nn.avg_pool2d(value, 3, 1, "VALID")
