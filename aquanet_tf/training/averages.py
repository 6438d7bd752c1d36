"""Averaged weights (--ema): networks that follow the trained ones, calmer than they are.

    average <- average + (1 - d_n) (weight - average),   d_n = min(ema, (1 + n) / (10 + n))

after the n-th step that trains a network; so early averages are short, and random initial weights
are soon forgotten. The averages are what a run is used by: in its validation, as the teachers of
stage 2, and in every command that loads it. Gradients are those of the networks themselves.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.config import Config
from aquanet_tf.networks import build
from aquanet_tf.runs.checkpoint import averaged, tf_variable


class Averages:
    """The averaged depth network and PoseNet of a run. Make it in the scope of the strategy.

    Attributes:
        aquanet, posenet: networks of the averaged weights.
        networks: the same by the names that they have in a checkpoint.
        variables: the numbers of updates; part of a checkpoint, too.
    """

    def __init__(self, config: Config):
        self.decay = config.ema
        self.aquanet, self.posenet = build.build_networks(config)
        self.networks = {averaged("aquanet"): self.aquanet, averaged("posenet"): self.posenet}
        self._updates = {
            name: tf.Variable(0, dtype=tf.int64, trainable=False, name=f"{name}_updates")
            for name in ("aquanet", "posenet")
        }

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self._updates.values())

    def start(self, aquanet, posenet) -> None:
        """Sets the averages of a run that has no checkpoint yet to the initial weights."""
        self.aquanet.set_weights(aquanet.get_weights())
        self.posenet.set_weights(posenet.get_weights())

    def update(self, **trained) -> None:
        """One step of the averages, after one of the optimizer; in a replica's context.

        trained: network by its name, of those that have been trained in this phase or before.
        """
        tf.distribute.get_replica_context().merge_call(self._update, kwargs=trained)

    def _update(self, strategy, **trained):
        """For all replicas at once, whose weights are equal: none has to ask another one."""
        for name, network in trained.items():
            count = self._updates[name]
            strategy.extended.update(count, _increase, group=False)
            for average, weight in zip(getattr(self, name).weights, network.weights):
                strategy.extended.update(
                    tf_variable(average), self._approach, (tf_variable(weight), count), group=False
                )

    def _approach(self, average, weight, count):
        n = tf.cast(count, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + n) / (10.0 + n))
        weight = tf.convert_to_tensor(weight)
        return average.assign_add((1.0 - decay) * (weight - tf.convert_to_tensor(average)))


def _increase(count):
    return count.assign_add(1)
