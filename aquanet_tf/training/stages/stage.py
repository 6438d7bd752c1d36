"""Training stages: the only place where data, networks, warps and losses meet.

A stage is a keras.Model with a train_step of its own, made for `fit` under any tf.distribute
strategy. The optimizer sums gradients over replicas, so the loss of a replica is its mean divided
by the number of replicas; what is shown are means over all of them (metric objects, since Keras
would show the first replica's value only).
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.training import precision

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


class PoseHeld:
    """Mixed into a stage: PoseNet is held still, until the depth network has found its feet."""

    @property
    def trained(self):
        return self.aquanet.trainable_variables
