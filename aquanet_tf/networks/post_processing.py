"""TODO docstring of aquanet_tf.networks.post_processing."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.networks import boosted
from aquanet_tf.networks import estimate as networks_estimate
from aquanet_tf.networks.boosted import LARGE, SMALL

# The largest one per cent below the maximum count as the maximum (the authors' post-processing).
_NEAREST = 0.99


def post_processed(estimate, how, depth_scaling="proportional"):
    """The estimate with the field's test-time post-processing, for whole images.

    how: one of metrics.POST_PROCESSINGS: `none`; `flip`, the mean with the mirrored image's
        estimate; `multi_scale`, the authors' blend of the image's own estimate with the
        mirrored image's at 3/4 and 5/4.
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
