"""Training stages: the only place where data, networks, warps and losses meet.

A stage is a keras.Model with a train_step of its own, made for `fit` under any tf.distribute
strategy. The optimizer sums gradients over replicas, so the loss of a replica is its mean divided
by the number of replicas; what is shown are means over all of them (metric objects, since Keras
would show the first replica's value only).
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf import losses, pose, precision, sampling, synthesis, vgg
from aquanet_tf.quantization import AdaptiveQuantization
from aquanet_tf.warping import AdaptiveForwardWarp

REFERENCES = 2  # previous and next frame


class Stage(tf.keras.Model):
    """Shared train and test step. Subclasses say `terms` (the losses) and `trained` (networks).

    Args:
        config: config.Config.
        aquanet, posenet: the two networks, built.
    """

    terms: tuple[str, ...] = ()
    watched: tuple[str, ...] = ("translation", "rotation")

    def __init__(self, config, aquanet, posenet, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.aquanet = aquanet
        self.posenet = posenet
        names = ("loss",) + self.terms + self.watched
        self.means = {name: tf.keras.metrics.Mean(name=name) for name in names}
        self.built = True

    @property
    def metrics(self):
        return list(self.means.values())

    @property
    def trained(self):
        """Variables this stage trains."""
        raise NotImplementedError

    def forward(self, batch):
        """Batch -> (terms: name -> (weight, [B] loss), watched: name -> value, pictures)."""
        raise NotImplementedError

    def train_step(self, batch):
        variables = self.trained
        with tf.GradientTape() as tape:
            loss, values = self._loss(batch)
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            scaled = precision.scaled(self.optimizer, loss / replicas)
        gradients = precision.unscaled(self.optimizer, tape.gradient(scaled, variables))
        norm = tf.linalg.global_norm(gradients)
        if not precision.is_scaled(self.optimizer):  # which leaves such a step out
            # Raised before the update, so that the weights stay those of the last good step.
            norm = tf.debugging.assert_all_finite(norm, "the gradient is not finite")
        if self.config.clip_norm > 0:
            gradients, _ = tf.clip_by_global_norm(gradients, self.config.clip_norm, norm)
        precision.apply_gradients(self.optimizer, gradients, variables)
        return self._update(values)

    def test_step(self, batch):
        return self._update(self._loss(batch)[1])

    def ego_motion(self, batch):
        """T_{target -> reference} for images as stored: R [B,2,3,3], t [B,2,3]."""
        vectors = self.posenet(batch["target_low"], batch["references_low"])
        return self.posenet.motion(vectors)

    def _loss(self, batch):
        terms, values, _ = self.forward(batch)
        loss = 0.0
        for name, (weight, term) in terms.items():
            values[name] = tf.debugging.assert_all_finite(
                tf.reduce_mean(term), f"the {name} loss is not finite"
            )
            loss += weight * values[name]
        return loss, {"loss": loss, **values}

    def _update(self, values):
        # All values first: Keras 3 finds the end of a validation set inside this graph, and would
        # have counted a batch that is not there.
        with tf.control_dependencies(list(values.values())):
            for name, mean in self.means.items():
                mean.update_state(values[name])
        return {name: mean.result() for name, mean in self.means.items()}

    def _motion_size(self, rotation, translation):
        """Mean |t| and mean |r| (angle, radians) for the log."""
        trace = tf.linalg.trace(rotation)
        angle = tf.acos(tf.clip_by_value((trace - 1) / 2, -1.0, 1.0))
        return {
            "translation": tf.reduce_mean(tf.norm(translation, axis=-1)),
            "rotation": tf.reduce_mean(angle),
        }


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
            view, inside = sampling.backward_warp(
                batch["references"][:, c], ramp, rotation[:, c], translation[:, c], k, k
            )
            mask = tf.cast(inside, tf.float32)
            scales = config.kickstart_pyramid_scales
            loss += losses.pyramid_l1(view, batch["target"], mask, scales) / REFERENCES
            views.append(view)
        watched = self._motion_size(rotation, translation)
        return {"photometric": (1.0, loss)}, watched, {"inverse_depth": ramp, "views": views}


class StageOne(Stage):
    """Depth and ego-motion from all pixels: occlusion-aware synthesis loss of both references plus
    smoothness (l_st1 = l_s^o + alpha_ds l_ds)."""

    terms = ("photometric", "perceptual", "smoothness")
    watched = Stage.watched + ("visible", "beta", "inverse_depth", "spread")

    def __init__(self, config, aquanet, posenet, **kwargs):
        super().__init__(config, aquanet, posenet, **kwargs)
        limits = (config.inverse_depth_min, config.inverse_depth_max)
        self.quantization = AdaptiveQuantization(*limits)
        self.warp = AdaptiveForwardWarp(*limits, config.beta_lookup, config.warp_impl)
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
        translation = pose.scale_translation(
            whole_translation, batch["resize"][:, None], config.depth_scaling
        )
        masks = self.masks(batch, depth, rotation, translation)
        views, photometric, perceptual = [], 0.0, tf.zeros_like(batch["resize"])
        for c in range(REFERENCES):
            view = self._view(batch, c, depth, rotation[:, c], translation[:, c], masks)
            pair = view.image, view.truth, view.weight
            photometric += losses.pyramid_l1(*pair, config.pyramid_scales) / REFERENCES
            if self.features is not None:
                perceptual += losses.perceptual(self.features, *pair) / REFERENCES
            views.append(view)
        smooth = losses.smoothness(depth.inverse_depth, batch["target"], config.smoothness_edge)
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
        return synthesis.Depth(logits, beta, self.quantization(logits, beta))

    def _view(self, *inputs):
        if self.config.warp == "backward":
            return synthesis.backward_view(*inputs)
        return synthesis.forward_view(self.warp, *inputs)


class PoseHeld:
    """Mixed into a stage: PoseNet is held still, until the depth network has found its feet."""

    @property
    def trained(self):
        return self.aquanet.trainable_variables


class DepthAlone(PoseHeld, StageOne):
    """Stage 1 with PoseNet held still."""


def naive_inverse_depth(grid, config):
    """The kick-start's ramp [B,H,W,1]: d_min in the whole image's first row, kickstart_ramp * d_max
    in its last.

    grid: [B,H,W,2], the crop's part of the whole image's positional grid.
    """
    share = 0.5 * (grid[..., 1:] + 1.0)
    last = config.kickstart_ramp * config.inverse_depth_max
    return config.inverse_depth_min + share * (last - config.inverse_depth_min)
