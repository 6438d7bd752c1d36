"""Stage 2: depth and ego-motion from static pixels, and boosted depth where things move."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.losses import boosting
from aquanet_tf.masks import automask, spimo
from aquanet_tf.networks import boosted, estimate
from aquanet_tf.training.stages import views
from aquanet_tf.training.stages.stage import REFERENCES, PoseHeld
from aquanet_tf.training.stages.stage_one import StageOne


class StageTwo(StageOne):
    """l_st2 = l_s^om + alpha_ds l_ds + alpha_b l_b (Eq. 10): stage 1 with W_c = O_c M_c M_{0->c}
    for O_c, and the boosting loss of the target's likely moving pixels.

    Args:
        config, aquanet, posenet: as every stage.
        frozen: estimate (see `estimator`) of the stage-1 network; needed by `mask=spimo`.
        teacher: a copy of aquanet, kept at the previous epoch by `callbacks.PreviousEpoch`; None
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
        self.teacher_trained = tf.Variable(0.0, trainable=False, name="teacher_trained")

    def masks(self, batch, depth, rotation, translation):
        """Static masks: cached ones that came with the batch, or made here."""
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

    def forward(self, batch):
        terms, watched, pictures = super().forward(batch)
        static = pictures.get("static")
        if static is None:
            static = tf.ones_like(pictures["inverse_depth"])
        watched["static"] = tf.reduce_mean(static)
        loss = tf.zeros_like(batch["resize"])
        if self.teacher is not None:
            teacher = estimate.of_network(self.teacher, self.config)
            star = boosted.boosted(teacher)(batch["target"], batch["grid"], batch["intrinsics"])
            loss = (
                boosting.boosting_loss(pictures["inverse_depth"], star, static)
                * self.teacher_trained
            )
            pictures["boosted"] = star
        terms["boosting"] = (self.config.boosting_weight, loss)
        return terms, watched, pictures

    def _automasks(self, batch, depth, rotation, translation):
        """Monodepth2's mask of the target; of the references it knows nothing."""
        score = automask.motion_score(
            batch["target"],
            batch["references"],
            depth.inverse_depth,
            rotation,
            translation,
            batch["intrinsics"],
        )
        return views.Masks(automask.static_mask(score), tf.ones_like(batch["references"][..., :1]))


class DepthAloneTwo(PoseHeld, StageTwo):
    """Stage 2 with PoseNet held still."""
