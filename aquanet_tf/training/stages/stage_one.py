"""TODO docstring of aquanet_tf.training.stage_one."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import depth_scaling
from aquanet_tf.layers.quantization import AdaptiveQuantization
from aquanet_tf.layers.warp.forward import AdaptiveForwardWarp
from aquanet_tf.losses import smoothness, synthesis, vgg
from aquanet_tf.networks import estimate
from aquanet_tf.training.stages import views as stages_views
from aquanet_tf.training.stages.stage import REFERENCES, PoseHeld, Stage


class StageOne(Stage):
    """Depth and ego-motion from all pixels: occlusion-aware synthesis loss of both references plus
    smoothness (l_st1 = l_s^o + alpha_ds l_ds)."""

    terms = ("photometric", "perceptual", "smoothness")
    watched = Stage.watched + ("visible", "beta", "inverse_depth", "spread")

    def __init__(self, config, aquanet, posenet, **kwargs):
        super().__init__(config, aquanet, posenet, **kwargs)
        limits = (config.inverse_depth_min, config.inverse_depth_max)
        self.quantization = AdaptiveQuantization(*limits)
        self.warp = AdaptiveForwardWarp(*limits, config.warp_impl)
        wanted = config.perceptual_weight > 0
        self.features = vgg.build_features(config.vgg19_weights) if wanted else None

    @property
    def trained(self):
        return self.aquanet.trainable_variables + self.posenet.trainable_variables

    def masks(self, batch, depth, rotation, translation):
        """synthesis.Masks of the batch, or None where every pixel counts, as in stage 1.

        Given the `synthesis.Depth` of the target and T_{target -> references} as the warp uses
        it, [B,2,3,3] and [B,2,3].
        """
        return None

    def forward(self, batch):
        config = self.config
        depth = self._depth(batch)
        rotation, whole_translation = self.ego_motion(batch)
        translation = depth_scaling.scale_translation(
            whole_translation, batch["resize"][:, None], config.depth_scaling
        )
        masks = self.masks(batch, depth, rotation, translation)
        views, photometric, perceptual = [], 0.0, tf.zeros_like(batch["resize"])
        for c in range(REFERENCES):
            view = self._view(batch, c, depth, rotation[:, c], translation[:, c], masks)
            pair = view.image, view.truth, view.weight
            photometric += synthesis.pyramid_l1(*pair, config.pyramid_scales) / REFERENCES
            if self.features is not None:
                perceptual += synthesis.perceptual(self.features, *pair) / REFERENCES
            views.append(view)
        smooth = smoothness.smoothness(depth.inverse_depth, batch["target"], config.smoothness_edge)
        terms = {
            "photometric": (1.0, photometric),
            "perceptual": (config.perceptual_weight, perceptual),
            "smoothness": (config.smoothness_weight, smooth),
        }
        mean = tf.reduce_mean(depth.inverse_depth, axis=[1, 2, 3])
        deviation = tf.math.reduce_std(depth.inverse_depth, axis=[1, 2, 3])
        watched = {
            **self._motion_size(rotation, whole_translation),
            "visible": tf.reduce_mean([view.seen for view in views]),
            "beta": tf.reduce_mean(depth.beta),
            "inverse_depth": tf.reduce_mean(mean),
            "spread": tf.reduce_mean(deviation / mean),
        }
        pictures = {
            "inverse_depth": depth.inverse_depth,
            "beta": depth.beta,
            "views": [view.image for view in views],
            "weights": [view.weight for view in views],
        }
        if masks is not None:
            pictures["static"] = masks.target
        return terms, watched, pictures

    def _depth(self, batch):
        logits, beta = self.aquanet(batch["target"], batch["grid"], batch["intrinsics"])
        if self.config.head == "direct":
            limits = (self.config.inverse_depth_min, self.config.inverse_depth_max)
            return stages_views.Depth(logits, beta, estimate.decode_direct(logits, *limits))
        return stages_views.Depth(logits, beta, self.quantization(logits, beta))

    def _view(self, *inputs):
        if self.config.warp == "backward":
            return stages_views.backward_view(*inputs)
        return stages_views.forward_view(self.warp, *inputs)


class DepthAlone(PoseHeld, StageOne):
    """Stage 1 with PoseNet held still."""
