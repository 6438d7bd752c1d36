"""Stage 1: depth and ego-motion from all pixels."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import depth_scaling
from aquanet_tf.layers.quantization import AdaptiveQuantization
from aquanet_tf.layers.warp.forward import AdaptiveForwardWarp
from aquanet_tf.losses import SmoothnessLoss, SynthesisLoss, objective
from aquanet_tf.losses.anchor import anchor_loss
from aquanet_tf.networks import estimate
from aquanet_tf.training.stages import views as stages_views
from aquanet_tf.training.stages.stage import REFERENCES, Outputs, PoseHeld, Stage


class StageOne(Stage):
    """l_st1 = l_s^o + alpha_ds l_ds (Eq. 10): occlusion-aware synthesis loss of both references,
    and smoothness.

    Args:
        config, aquanet, posenet, averages, cameras: as for every stage.
        anchor: the estimate (`networks.estimate`) of the network that the run began with;
            --anchor_weight needs it.
    """

    terms = ("photometric", "perceptual", "smoothness")
    watched = Stage.watched + ("visible", "beta", "inverse_depth", "spread")
    trains_cameras = True
    trains_depth = True

    def __init__(self, config, aquanet, posenet, anchor=None, **kwargs):
        super().__init__(config, aquanet, posenet, **kwargs)
        self.anchor = anchor
        limits = (config.inverse_depth_min, config.inverse_depth_max)
        self.quantization = AdaptiveQuantization(*limits)
        self.warp = AdaptiveForwardWarp(*limits, config.warp_impl)
        self.synthesis = SynthesisLoss(
            config.pyramid_scales,
            config.perceptual_weight,
            config.vgg19_weights,
            config.ssim_weight if config.synthesis == "l1_ssim" else 0.0,
        )
        self.smoothness = SmoothnessLoss(config.smoothness_edge)

    @property
    def trained(self):
        cameras = [] if self.cameras is None else self.cameras.trainable_variables
        return self.aquanet.trainable_variables + self.posenet.trainable_variables + cameras

    def masks(self, batch, depth, rotation, translation):
        """The `views.Masks` of the batch, or None where every pixel counts, as in stage 1.

        Args:
            depth: `views.Depth` of the target.
            rotation, translation: T_{target -> reference} as the warp uses it, [B,2,3,3], [B,2,3].
        """
        return None

    def computed(self, batch, networks):
        config = self.config
        depth = self._depth(batch, networks.aquanet)
        rotation, whole_translation = self.ego_motion(batch, networks.posenet)
        translation = depth_scaling.scale_translation(
            whole_translation, batch["resize"][:, None], config.depth_scaling
        )
        masks = self.masks(batch, depth, rotation, translation)
        views, photometric, perceptual = [], 0.0, 0.0
        for c in range(REFERENCES):
            motion = rotation[:, c], translation[:, c]
            view = self._view(batch, c, depth, motion, masks)
            l1, features = self.synthesis.parts(view.image, view.truth, view.weight)
            photometric += l1 / REFERENCES
            perceptual += features / REFERENCES
            views.append(view)
        terms = objective.terms(
            config,
            photometric=photometric,
            perceptual=perceptual,
            smoothness=self.smoothness(depth.inverse_depth, batch["target"]),
        )
        terms.update(self.speed_term(batch, whole_translation))
        if config.anchor_weight > 0:
            first = self.anchor(batch["target"], batch["grid"], batch["intrinsics"])
            loss = anchor_loss(depth.inverse_depth, first)
            terms.update(objective.terms(config, anchor=loss))
        size = self._motion_size(rotation, whole_translation)
        return Outputs(terms, {**size, **_watched(depth, views)}, _images(depth, views, masks))

    def _depth(self, batch, aquanet):
        logits, beta = aquanet(batch["target"], batch["grid"], batch["intrinsics"])
        if self.config.head == "direct":
            limits = (self.config.inverse_depth_min, self.config.inverse_depth_max)
            return stages_views.Depth(logits, beta, estimate.decode_direct(logits, *limits))
        return stages_views.Depth(logits, beta, self.quantization(logits, beta))

    def _view(self, *inputs):
        if self.config.warp == "backward":
            return stages_views.backward_view(*inputs)
        return stages_views.forward_view(self.warp, *inputs)


def _watched(depth, views):
    mean = tf.reduce_mean(depth.inverse_depth, axis=[1, 2, 3])
    deviation = tf.math.reduce_std(depth.inverse_depth, axis=[1, 2, 3])
    return {
        "visible": tf.reduce_mean([view.seen for view in views]),
        "beta": tf.reduce_mean(depth.beta),
        "inverse_depth": tf.reduce_mean(mean),
        "spread": tf.reduce_mean(deviation / mean),
    }


def _images(depth, views, masks):
    images = {
        "inverse_depth": depth.inverse_depth,
        "beta": depth.beta,
        "views": [view.image for view in views],
        "weights": [view.weight for view in views],
    }
    return images if masks is None else {**images, "static": masks.target}


class DepthAlone(PoseHeld, StageOne):
    """Stage 1 without training PoseNet."""
