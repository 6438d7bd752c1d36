"""TODO docstring of aquanet_tf.training.kick_start."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers import backward_warp
from aquanet_tf.losses import synthesis
from aquanet_tf.training.stages.stage import REFERENCES, Stage

# Mean-pooled scales of the L1 loss: coarse ones find the ego-motion from far away.
PYRAMID_SCALES = 4


class KickStart(Stage):
    """First epochs: PoseNet alone, by backward-warping the references onto the target with a
    naive inverse depth, a vertical ramp over the whole image from d_min to d_max."""

    terms = ("photometric",)

    @property
    def trained(self):
        return self.posenet.trainable_variables

    def forward(self, batch):
        config, k = self.config, batch["intrinsics"]
        # The ramp stays the same at every resolution, hence the unscaled translation.
        rotation, translation = self.ego_motion(batch)
        ramp = naive_inverse_depth(batch["grid"], config)
        views, loss = [], 0.0
        for c in range(REFERENCES):
            view, inside = backward_warp.backward_warp(
                batch["references"][:, c], ramp, rotation[:, c], translation[:, c], k, k
            )
            mask = tf.cast(inside, tf.float32)
            loss += synthesis.pyramid_l1(view, batch["target"], mask, PYRAMID_SCALES) / REFERENCES
            views.append(view)
        watched = self._motion_size(rotation, translation)
        return {"photometric": (1.0, loss)}, watched, {"inverse_depth": ramp, "views": views}


def naive_inverse_depth(grid, config):
    """The kick-start's ramp [B,H,W,1]: d_min in the whole image's first row, kickstart_ramp * d_max
    in its last.

    grid: [B,H,W,2], the crop's part of the whole image's positional grid.
    """
    share = 0.5 * (grid[..., 1:] + 1.0)
    last = config.kickstart_ramp * config.inverse_depth_max
    return config.inverse_depth_min + share * (last - config.inverse_depth_min)
