"""Kick-start: the first epochs, which train PoseNet alone on a naive inverse depth."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers import backward_warp
from aquanet_tf.losses import objective, synthesis
from aquanet_tf.training.stages.stage import REFERENCES, Outputs, Stage

# Mean-pooled scales of the L1 loss: coarse ones find the ego-motion from far away.
PYRAMID_SCALES = 4


class KickStart(Stage):
    """Trains PoseNet: backward-warps the references onto the target with the depth of
    `naive_inverse_depth`."""

    terms = ("photometric",)
    averaged = ("posenet",)

    @property
    def trained(self):
        return self.posenet.trainable_variables

    def computed(self, batch, networks):
        k = batch["intrinsics"]
        # The ramp is the same at every resize factor, hence the translation is not scaled.
        rotation, translation = self.ego_motion(batch, networks.posenet)
        ramp = naive_inverse_depth(batch["grid"], self.config)
        views, loss = [], 0.0
        for c in range(REFERENCES):
            view, inside = backward_warp.backward_warp(
                batch["references"][:, c], ramp, rotation[:, c], translation[:, c], k, k
            )
            mask = tf.cast(inside, tf.float32)
            loss += synthesis.pyramid_l1(view, batch["target"], mask, PYRAMID_SCALES) / REFERENCES
            views.append(view)
        return Outputs(
            {
                **objective.terms(self.config, photometric=loss),
                **self.speed_term(batch, translation),
            },
            self._motion_size(rotation, translation),
            {"inverse_depth": ramp, "views": views},
        )


def naive_inverse_depth(grid, config):
    """The naive inverse depth (the paper's disparity), [B,H,W,1]: linear in the row, from d_min in
    the whole image's first row to kickstart_ramp * d_max in its last.

    grid: [B,H,W,2], the crop's part of the whole image's positional grid.
    """
    share = 0.5 * (grid[..., 1:] + 1.0)
    last = config.kickstart_ramp * config.inverse_depth_max
    return config.inverse_depth_min + share * (last - config.inverse_depth_min)
