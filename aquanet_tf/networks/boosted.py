"""Boosted depth (Eq. 8 and 9), the loss that teaches it (Eq. 12), and post-processing.

Three estimates of one image, at its own size, at 3/4 and at 5/4: far things are seen better in the
large one, near things as a whole in the small one. Two misprints of the paper are resolved: the
grid of the large estimate is resized by 5/4 like its image, and the weights 1, D and 1 - D^2 sum
to the denominator.

One deviation: the paper multiplies the small estimate by 4/3 and the large one by 4/5, as if the
network's inverse depth grew exactly with resolution. Ours are brought to the mean of the image's
own estimate instead, which is the same where that holds. It hardly holds: on crops of the street
(a network trained 2400 steps with `proportional`, medians of 24 crops) the small estimate times 4/3
is 1.23 (nearest fifth of the pixels) to 1.35 (farthest fifth) times the full one, the large one
times 4/5 0.86 to 0.82. The label is then 1.06 times the estimate where that is near, epoch upon
epoch, and masked things, which have no other teacher, run away to d_max. With the loss weighted as
it was then (see `loss`) |t| grew from 1.6 to 4.2 and static abs rel from 0.27 to 0.40. With the
weight of now the paper's factors give 0.373 / 0.411 (static / moving) where equal means give
0.351 / 0.332 and no boosting 0.357 / 0.387 (header of configs/street/ablation.flags).
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
    """The boosted estimate D* of Eq. 8, nearness from the sum of the three (Eq. 9); its small and
    its large part have the mean of the image's own estimate."""
    others = [networks_estimate.at_scale(estimate, factor, "none") for factor in (SMALL, LARGE)]

    def star(image, grid, intrinsics):
        own = estimate(image, grid, intrinsics)
        values = [own, *(_leveled(f(image, grid, intrinsics), own) for f in others)]
        total = tf.add_n(values)
        return blend(*values, total / largest(total))

    return star


def _leveled(value, like):
    """`value` [B,H,W,1] with the mean of `like`, each image's."""
    mean, wanted = (tf.reduce_mean(part, [1, 2, 3], keepdims=True) for part in (value, like))
    return value * (wanted / mean)


def largest(value):
    return tf.reduce_max(value, axis=[1, 2, 3], keepdims=True)
