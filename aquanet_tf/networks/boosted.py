"""Boosted inverse depth D* (the paper's disparity), Eq. 8 and 9: the label of moving objects.

Three estimates of one image are blended: at its own size, at 3/4 and at 5/4. The large one is
better for far objects, the small one for near objects. `losses.boosting` compares depth with the
blend (Eq. 12).

Two misprints of the paper are corrected: the grid of the large estimate is resized by 5/4 like its
image, and the weights 1, n and 1 - n^2 sum to the denominator. One deviation: the paper multiplies
the small estimate by 4/3 and the large one by 4/5; here both are scaled to the mean of the image's
own estimate. Inverse depth does not grow by exactly the resize factor, and from epoch to epoch the
label would add to its own error (numbers: docs/method.md).
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.networks import estimate as networks_estimate

SMALL, LARGE = 3 / 4, 5 / 4


def blend(full, small, large, nearness):
    """Eq. 8: (D + n D_small + (1 - n^2) D_large) / (1 + n + (1 - n^2)), all [B,H,W,1].

    nearness: n in [0, 1], inverse depth relative to the image's largest.
    """
    far = 1.0 - nearness**2
    return (full + nearness * small + far * large) / (1.0 + nearness + far)


def boosted(estimate):
    """The boosted estimate D* of an estimate (Eq. 8).

    The nearness is the sum of the three estimates over its largest value (Eq. 9).
    """
    others = [networks_estimate.at_scale(estimate, factor, "none") for factor in (SMALL, LARGE)]

    def star(image, grid, intrinsics):
        own = estimate(image, grid, intrinsics)
        values = [own, *(_leveled(f(image, grid, intrinsics), own) for f in others)]
        total = tf.add_n(values)
        return blend(*values, total / largest(total))

    return star


def _leveled(value, like):
    """`value` [B,H,W,1], each image scaled to the mean of the same image of `like`."""
    mean, wanted = (tf.reduce_mean(part, [1, 2, 3], keepdims=True) for part in (value, like))
    return value * (wanted / mean)


def largest(value):
    """The largest value of each image: [B,H,W,1] -> [B,1,1,1]."""
    return tf.reduce_max(value, axis=[1, 2, 3], keepdims=True)
