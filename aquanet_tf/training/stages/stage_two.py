"""Stage 2: depth and ego-motion from static pixels, boosted depth as the label of moving ones."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.losses import BoostingLoss, objective
from aquanet_tf.masks import automask, spimo
from aquanet_tf.networks import boosted, estimate
from aquanet_tf.training.stages import views
from aquanet_tf.training.stages.stage import REFERENCES, Outputs, PoseHeld
from aquanet_tf.training.stages.stage_one import StageOne


class StageTwo(StageOne):
    """l_st2 = l_s^om + alpha_ds l_ds + alpha_b l_b (Eq. 10): stage 1 with W_c = O_c M_c M_{0->c}
    instead of O_c, plus the boosting loss of the target's likely moving pixels.

    Args:
        config, aquanet, posenet, averages, cameras, anchor: as for stage 1.
        frozen: the estimate (`networks.estimate`) of the stage-1 network; --mask=spimo needs it,
            and ValueError says so.
        teacher: a copy of aquanet that `callbacks.PreviousEpoch` keeps at the previous epoch; None
            without boosting loss. It shares no weights with aquanet and gets no gradient.
    """

    terms = (*StageOne.terms, "boosting")
    watched = StageOne.watched + ("static",)

    def __init__(self, config, aquanet, posenet, frozen=None, teacher=None, **kwargs):
        super().__init__(config, aquanet, posenet, **kwargs)
        if config.mask == "spimo" and frozen is None:
            raise ValueError("--mask=spimo needs the frozen network of stage 1")
        self.frozen = frozen
        self.teacher = teacher
        self.boosting = BoostingLoss()
        self.teacher_trained = tf.Variable(0.0, trainable=False, name="teacher_trained")

    def masks(self, batch, depth, rotation, translation):
        """Static masks: cached ones that came with the batch, or computed here."""
        if self.config.mask == "none":
            return None
        if self.config.mask == "automask":
            return self._automasks(batch, depth, rotation, translation)
        if "target_mask" in batch:
            return views.Masks(batch["target_mask"], batch["reference_masks"])
        frames = tf.concat([batch["target"][:, None], batch["references"]], axis=1)
        count, shape = 1 + REFERENCES, batch["target"].shape
        grid = tf.repeat(batch["grid"], count, axis=0)
        intrinsics = tf.repeat(batch["intrinsics"], count, axis=0)
        static = spimo.masks(
            self.frozen, tf.reshape(frames, [-1, *shape[1:]]), grid, intrinsics, self.config
        )
        static = tf.reshape(static, [-1, count, *shape[1:3], 1])
        return views.Masks(static[:, 0], static[:, 1:])

    def computed(self, batch, networks):
        terms, watched, images = super().computed(batch, networks)
        static = images.get("static")
        if static is None:
            static = tf.ones_like(images["inverse_depth"])
        loss = tf.zeros_like(batch["resize"])
        if self.teacher is not None:
            teacher = estimate.of_network(self.teacher, self.config)
            star = boosted.boosted(teacher)(batch["target"], batch["grid"], batch["intrinsics"])
            loss = self.boosting(images["inverse_depth"], star, static) * self.teacher_trained
            images = {**images, "boosted": star}
        terms = {**terms, **objective.terms(self.config, boosting=loss)}
        return Outputs(terms, {**watched, "static": tf.reduce_mean(static)}, images)

    def _automasks(self, batch, depth, rotation, translation):
        """Monodepth2's mask of the target; it has none of the references."""
        score = automask.motion_score(
            batch["target"],
            batch["references"],
            depth.inverse_depth,
            rotation,
            translation,
            batch["intrinsics"],
        )
        static = tf.cast(automask.static_mask(score), tf.float32)
        return views.Masks(static, tf.ones_like(batch["references"][..., :1]))


class DepthAloneTwo(PoseHeld, StageTwo):
    """Stage 2 without training PoseNet."""
