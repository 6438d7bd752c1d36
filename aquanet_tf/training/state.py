"""The state of a run: all that a checkpoint holds, from which a stopped run goes on."""

from __future__ import annotations

import pathlib

import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.data import mixture
from aquanet_tf.layers import LearnedIntrinsics
from aquanet_tf.networks import build, pretrained
from aquanet_tf.runs.checkpoint import Checkpoints, Position
from aquanet_tf.runs.initial import Initial
from aquanet_tf.training import averages, distribution, schedule, teachers
from aquanet_tf.training.stages import precision
from aquanet_tf.training.stages.stage import columns
from aquanet_tf.training.watchers import intrinsics


class State:
    """Networks, stages and optimizers of a run, and their checkpoints.

    Args:
        config: Config of the run, resolved.
        workdir: directory of the run, prepared.
        strategy: from `distribution.create`; variables are made in its scope.

    Attributes:
        aquanet, posenet: the networks that are trained.
        averages: `averages.Averages` of them; None without --ema.
        cameras: `layers.LearnedIntrinsics`; None without --learn_intrinsics.
        teachers: `teachers.Teachers`, the networks that the run learns from.
        stages: (phase, stage) of all phases in order.
        columns: names of the stages' means, those of the validation too, for history.csv.
        checkpoints: `runs.checkpoint.Checkpoints`.
    """

    def __init__(self, config: Config, workdir: pathlib.Path, strategy: tf.distribute.Strategy):
        self.config = config
        self.workdir = workdir
        self._strategy = strategy
        with strategy.scope():  # the first variable of other workers waits for the chief's
            self.aquanet, self.posenet = build.build_networks(config)
            self.teachers = teachers.Teachers(config, workdir)
            self.averages = averages.Averages(config) if config.ema else None
            sets = len(mixture.directories(config.data_dir))
            self.cameras = LearnedIntrinsics(sets) if config.learn_intrinsics else None
            self.stages = [(phase, self._stage(phase)) for phase in schedule.phases(config)]
            self._optimizers = {
                f"{phase.name}_optimizer": precision.build_optimizer(
                    stage.trained, phase.learning_rate
                )
                for phase, stage in self.stages
            }
            self.columns = columns(stage for _, stage in self.stages)
            self.checkpoints = self._checkpoints()

    def restore(self, initial: Initial | None) -> Position | None:
        """Weights and position of the newest checkpoint. Without one: None, and the weights that a
        new run starts from; `initial` are those of --init_from.

        Then compiles the stages. Raises ValueError for a damaged checkpoint, and when the workers
        find different ones.
        """
        with self._strategy.scope():
            position = self.checkpoints.restore()
            if position is None:
                self._set_first_weights(initial)
            self._compile()
        distribution.check_equal(
            self._strategy,
            -1 if position is None else position.epoch * 2**32 + position.step,
            "the workers find different checkpoints: --workdir must be one that they share",
        )
        return position

    def _stage(self, phase):
        return phase.stage(
            self.config,
            self.aquanet,
            self.posenet,
            averages=self.averages,
            cameras=self.cameras,
            **self.teachers.arguments(phase.stage),
        )

    def _checkpoints(self) -> Checkpoints:
        networks = {"aquanet": self.aquanet, "posenet": self.posenet}
        optimizers = dict(self._optimizers)
        if self.cameras is not None:
            networks["intrinsics"] = self.cameras
        if self.averages is not None:
            networks.update(self.averages.networks)
            optimizers["averages"] = self.averages  # its counts of updates
        networks.update(self.teachers.networks)
        return Checkpoints(
            self.workdir,
            networks,
            optimizers,
            min(self.config.keep_checkpoints, self.config.epochs),
            [name for name in self.columns if not name.startswith("val_")],
            distribution.is_chief(self._strategy),
        )

    def _set_first_weights(self, initial):
        """Copies of a network are made last, of the weights that it starts with."""
        pretrained.start_encoder(self.config, self.aquanet)
        if initial is not None:
            initial.start(aquanet=self.aquanet, posenet=self.posenet)
        self.teachers.start(self.aquanet, self.posenet)
        if self.cameras is not None:
            intrinsics.of_stage_one(self.config, self.cameras)
        if self.averages is not None:
            self.averages.start(self.aquanet, self.posenet)

    def _compile(self):
        """Joins stages and optimizers. After `restore`: loss scales are not part of a
        checkpoint."""
        for (_, stage), optimizer in zip(self.stages, self._optimizers.values()):
            stage.compile(
                optimizer=precision.with_loss_scale(optimizer, stage.trained, self.config),
                jit_compile=False,
                steps_per_execution=self.config.steps_per_execution,
            )
