"""The training step that all stages share; the only place where data, networks, warps, losses meet.

A stage is a keras.Model with a train_step of its own, made for `fit` under any tf.distribute
strategy. The optimizer sums gradients over replicas, so a replica's loss is its mean divided by the
number of replicas. Logged values are metric objects, which average over all replicas: Keras would
log the first replica's value only.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from aquanet_tf.losses import objective, speed
from aquanet_tf.training.stages import precision

REFERENCES = 2  # previous and next frame


class Outputs(NamedTuple):
    """What `Stage.forward` computes of a batch.

    Attributes:
        terms: name -> `objective.Term` of Eq. 10.
        watched: name -> scalar that is logged beside the losses.
        images: name -> maps [B,H,W,C] for the panels and for other stages: inverse_depth, views (a
            list), and where the stage has them beta, weights (a list), static, boosted.
    """

    terms: dict[str, objective.Term]
    watched: dict[str, tf.Tensor]
    images: dict


class NetworkPair(NamedTuple):
    """A depth network and an ego-motion network: those that are trained, or averages of them."""

    aquanet: tf.keras.Model
    posenet: tf.keras.Model


class Stage(tf.keras.Model):
    """Train and test step of all stages. Subclasses define `computed`, `trained`, and the names of
    what `computed` returns: `terms` and `watched`.

    Args:
        config: Config of the run.
        aquanet, posenet: the two networks, built.
        averages: `averages.Averages` of them, which each step updates and validation uses; None
            without --ema.
        cameras: `layers.LearnedIntrinsics`, which corrects K; None without --learn_intrinsics.

    Attributes:
        means: name -> running mean over the epoch, of the loss, its terms and the watched values.
    """

    terms: tuple[str, ...] = ()
    watched: tuple[str, ...] = ("translation", "rotation")
    averaged: tuple[str, ...] = ("aquanet", "posenet")  # trained in this stage or before
    # Not before depth and ego-motion fit each other: a wrong one would pull the camera away.
    trains_cameras = False
    trains_depth = False

    def __init__(self, config, aquanet, posenet, averages=None, cameras=None, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.aquanet = aquanet
        self.posenet = posenet
        self.averages = averages
        self.cameras = cameras
        # Only where it has a weight: the means of all other runs stay those of their checkpoints.
        if config.speed_weight > 0:
            self.terms = (*self.terms, "speed")
        if config.anchor_weight > 0 and self.trains_depth:
            self.terms = (*self.terms, "anchor")
        if cameras is not None and self.trains_cameras:
            self.terms = (*self.terms, "intrinsics")
            self.watched = (*self.watched, *cameras.columns)
        names = ("loss",) + self.terms + self.watched
        self.means = {name: tf.keras.metrics.Mean(name=name) for name in names}
        self.built = True

    @property
    def metrics(self):
        return list(self.means.values())

    @property
    def trained(self):
        """The variables that this stage trains."""
        raise NotImplementedError

    @property
    def networks(self) -> NetworkPair:
        """The networks that are trained."""
        return NetworkPair(self.aquanet, self.posenet)

    @property
    def used_networks(self) -> NetworkPair:
        """The networks as the run is used: their averages if it has some."""
        if self.averages is None:
            return self.networks
        return NetworkPair(self.averages.aquanet, self.averages.posenet)

    def forward(self, batch, networks: NetworkPair) -> Outputs:
        """Losses, logged values and images of a batch of `data.pipeline`; K is corrected first."""
        if self.cameras is None:
            return self.computed(batch, networks)
        k = self.cameras(batch["intrinsics"], batch["data_set"], batch["whole_size"])
        terms, watched, images = self.computed({**batch, "intrinsics": k}, networks)
        if self.trains_cameras:
            pull = tf.zeros_like(batch["resize"]) + self.cameras.pull()
            terms = {**terms, **objective.terms(self.config, intrinsics=pull)}
            watched = {**watched, **self.cameras.report()}
        return Outputs(terms, watched, images)

    def computed(self, batch, networks: NetworkPair) -> Outputs:
        """`forward` for the K of the batch."""
        raise NotImplementedError

    def objective(self, batch, networks=None):
        """(loss of Eq. 10, scalar; name -> scalar of all that is logged).

        networks: `NetworkPair` to use, default: those that are trained.

        tf.errors.InvalidArgumentError names the first term that is not finite.
        """
        outputs = self.forward(batch, networks or self.networks)
        loss, means = objective.total(outputs.terms)
        return loss, {"loss": loss, **outputs.watched, **means}

    def train_step(self, batch):
        variables = self.trained
        with tf.GradientTape() as tape:
            loss, values = self.objective(batch)
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            scaled = precision.scaled(self.optimizer, loss / replicas)
        gradients = precision.unscaled(self.optimizer, tape.gradient(scaled, variables))
        norm = tf.linalg.global_norm(gradients)
        if not precision.is_scaled(self.optimizer):  # a scaling optimizer skips such a step itself
            norm = tf.debugging.assert_all_finite(norm, "the gradient is not finite")
        # The weights stay those of the last good step: in a graph, nothing else makes the update
        # wait for the checks.
        with tf.control_dependencies([loss, norm]):
            gradients = [tf.identity(gradient) for gradient in gradients]
        if self.config.clip_norm > 0:
            gradients = _clipped(gradients, self.config.clip_norm, norm)
        precision.apply_gradients(self.optimizer, gradients, variables)
        if self.averages is not None:
            self.averages.update(**{name: getattr(self, name) for name in self.averaged})
        return self._update(values)

    def test_step(self, batch):
        return self._update(self.objective(batch, self.used_networks)[1])

    def ego_motion(self, batch, posenet):
        """T_{target -> reference} at the stored images' size: R [B,2,3,3], t [B,2,3]."""
        return posenet.motion(posenet(batch["target_low"], batch["references_low"]))

    def speed_term(self, batch, translation) -> dict:
        """The `objective.Term` "speed" by its name; empty without --speed_weight.

        translation: t [B,2,3] as `ego_motion` gives it, before any scaling.
        """
        if not self.config.speed_weight:
            return {}
        loss = speed.speed_loss(translation, batch["distances"])
        return objective.terms(self.config, speed=loss)

    def _update(self, values):
        # All values first: Keras 3 meets the end of a validation set inside this graph, and would
        # otherwise count a batch that does not exist.
        with tf.control_dependencies(list(values.values())):
            for name, mean in self.means.items():
                mean.update_state(values[name])
        return {name: mean.result() for name, mean in self.means.items()}

    def _motion_size(self, rotation, translation):
        """Mean |t| (depth units) and mean rotation angle (radians), for the log."""
        trace = tf.linalg.trace(rotation)
        angle = tf.acos(tf.clip_by_value((trace - 1) / 2, -1.0, 1.0))
        return {
            "translation": tf.reduce_mean(tf.norm(translation, axis=-1)),
            "rotation": tf.reduce_mean(angle),
        }


class PoseHeld:
    """Mixin of a stage: PoseNet is not trained, until the depth network has learned something."""

    trains_cameras = False

    @property
    def trained(self):
        return self.aquanet.trainable_variables


def columns(stages) -> list[str]:
    """Names of all means of all stages, validation included, in order of appearance."""
    names = []
    for stage in stages:
        names += [name for name in stage.means if name not in names]
    return names + [f"val_{name}" for name in names]


def _clipped(gradients, limit, norm):
    """This replica's gradients, scaled so that their sum over all replicas, which the optimizer
    applies, has at most the global norm `limit`. norm: their own."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        norm = tf.linalg.global_norm(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients))
    return tf.clip_by_global_norm(gradients, limit, norm)[0]
