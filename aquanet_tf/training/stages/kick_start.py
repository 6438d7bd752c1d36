"""Kick-start: the first epochs, which train PoseNet alone, on a depth that is given."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import depth_scaling
from aquanet_tf.layers import backward_warp
from aquanet_tf.losses import objective, synthesis
from aquanet_tf.networks import estimate
from aquanet_tf.training.stages.stage import REFERENCES, Outputs, Stage

# Mean-pooled scales of the L1 loss: coarse ones find the ego-motion from far away.
PYRAMID_SCALES = 4


class KickStart(Stage):
    """Trains PoseNet: backward-warps the references onto the target.

    The depth is that of `naive_inverse_depth`. In a run that begins with a trained depth network
    (--init_from) it is the depth of this network: the ramp would teach another scale.
    """

    terms = ("photometric",)
    averaged = ("posenet",)

    @property
    def trained(self):
        return self.posenet.trainable_variables

    def computed(self, batch, networks):
        k = batch["intrinsics"]
        rotation, whole_translation = self.ego_motion(batch, networks.posenet)
        inverse_depth, translation = self._depth(batch, networks.aquanet, whole_translation)
        views, loss = [], 0.0
        for c in range(REFERENCES):
            view, inside = backward_warp.backward_warp(
                batch["references"][:, c], inverse_depth, rotation[:, c], translation[:, c], k, k
            )
            mask = tf.cast(inside, tf.float32)
            loss += synthesis.pyramid_l1(view, batch["target"], mask, PYRAMID_SCALES) / REFERENCES
            views.append(view)
        return Outputs(
            {
                **objective.terms(self.config, photometric=loss),
                **self.speed_term(batch, whole_translation),
            },
            self._motion_size(rotation, whole_translation),
            {"inverse_depth": inverse_depth, "views": views},
        )

    def _depth(self, batch, aquanet, translation):
        """(inverse depth [B,H,W,1] without gradient, the translation [B,2,3] that goes with it)."""
        config = self.config
        # What --init_partial left out starts at random.
        if not config.init_from or config.init_partial:
            # The ramp is the same at every resize factor, hence the translation is not scaled.
            return naive_inverse_depth(batch["grid"], config), translation
        depth = estimate.of_network(aquanet, config)
        inverse_depth = depth(batch["target"], batch["grid"], batch["intrinsics"])
        resize = batch["resize"][:, None]
        scaled = depth_scaling.scale_translation(translation, resize, config.depth_scaling)
        return tf.stop_gradient(inverse_depth), scaled


def naive_inverse_depth(grid, config):
    """The naive inverse depth (the paper's disparity), [B,H,W,1]: linear in the row, from d_min in
    the whole image's first row to kickstart_ramp * d_max in its last.

    grid: [B,H,W,2], the crop's part of the whole image's positional grid.
    """
    share = 0.5 * (grid[..., 1:] + 1.0)
    last = config.kickstart_ramp * config.inverse_depth_max
    return config.inverse_depth_min + share * (last - config.inverse_depth_min)
