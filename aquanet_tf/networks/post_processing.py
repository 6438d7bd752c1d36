"""Test-time post-processing of the field: more passes of the network, one blended estimate.

`multi_scale` is the paper's (P) of Table 2, as in the authors' code: the blend of Eq. 8 with
mirrored images at 3/4 and 5/4, scaled back by `--depth_scaling`.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.networks import boosted
from aquanet_tf.networks import estimate as networks_estimate
from aquanet_tf.networks.boosted import LARGE, SMALL

# Nearness above this counts as 1, as in the authors' code.
_NEAREST = 0.99


def post_processed(estimate, how, depth_scaling="proportional"):
    """An estimate with post-processing, for whole images.

    Args:
        estimate: see `networks.estimate`.
        how: `none`; `flip`, the mean with the estimate of the mirrored image; or `multi_scale`,
            the blend with those of the mirrored image at 3/4 and 5/4.
        depth_scaling: the network's `--depth_scaling`.
    """
    if how == "none":
        return estimate
    if how == "flip":
        other = networks_estimate.mirrored(estimate)
        return lambda *inputs: 0.5 * (estimate(*inputs) + other(*inputs))
    small, large = (
        networks_estimate.mirrored(networks_estimate.at_scale(estimate, factor, depth_scaling))
        for factor in (SMALL, LARGE)
    )

    def blended(image, grid, intrinsics):
        values = [f(image, grid, intrinsics) for f in (estimate, small, large)]
        nearness = values[0] / boosted.largest(values[0])
        return boosted.blend(
            *values, tf.where(nearness > _NEAREST, tf.ones_like(nearness), nearness)
        )

    return blended
