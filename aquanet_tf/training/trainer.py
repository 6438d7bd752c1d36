"""A run from options to its last checkpoint: `train`, and the `Trainer` of one stage."""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import tensorflow as tf
from absl import logging

from aquanet_tf import progress
from aquanet_tf.config import rules
from aquanet_tf.config.options import Config
from aquanet_tf.data import first_guess, meters, mixture, pipeline
from aquanet_tf.layers import LearnedIntrinsics
from aquanet_tf.networks import build, pretrained
from aquanet_tf.runs import best, history, initial
from aquanet_tf.runs.checkpoint import Checkpoints, Position
from aquanet_tf.training import (
    averages,
    diagnosis,
    distribution,
    mask_cache,
    precision,
    schedule,
    teachers,
)
from aquanet_tf.training import signals as training_signals
from aquanet_tf.training import workdir as training_workdir
from aquanet_tf.training.stages.kick_start import KickStart
from aquanet_tf.training.stages.stage import columns
from aquanet_tf.training.stages.stage_two import StageTwo
from aquanet_tf.training.watchers import assembly, callbacks, depth_metrics, intrinsics
from aquanet_tf.training.watchers import start as start_file


def train(config: Config, workdir: str | pathlib.Path) -> int:
    """Runs or resumes a training and returns the number of finished epochs (of the last stage).

    With --stage=both, stage 1 in WORKDIR/stage1, then stage 2 in WORKDIR/stage2.

    Raises ValueError (bad options, data set or workdir; a loss that is not finite; collapse with
    --collapse=stop), OSError (workdir not writable or full), before the first step where possible,
    and signals.Stopped after SIGTERM or SIGINT.
    """
    workdir = pathlib.Path(workdir)
    with training_signals.Interruption() as signals:
        if config.stage != "both":
            return Trainer(config, workdir, signals).run()
        first = workdir / "stage1"
        one = dataclasses.replace(config, stage="1", stage2_posenet="scratch")
        Trainer(one, first, signals).run()
        two = dataclasses.replace(config, stage="2", stage1_workdir=str(first))
        return Trainer(two, workdir / "stage2", signals).run()


class Trainer:
    """One run of one stage. `run` calls the methods in their order here: each needs the one before.

    Args:
        config: Config with stage 1 or 2; workdir: directory of the run.
        signals: signals.Interruption, entered.
    """

    def __init__(self, config: Config, workdir: pathlib.Path, signals):
        self.config = config
        self.workdir = workdir
        self.signals = signals

    def run(self) -> int:
        """Trains what is left of the run; the number of finished epochs."""
        self.choose_devices()
        self.prepare()
        self.build()
        self.restore()
        self.save_start()
        for phase, stage in self.stages:
            self.train_phase(phase, stage)
        return max(self.position.epoch, self.config.epochs)

    def choose_devices(self):
        """Sets the strategy. TensorFlow fixes its devices with the first operation it runs."""
        if self.config.deterministic:
            tf.config.experimental.enable_op_determinism()
        with self.signals.released():
            self.strategy = distribution.create(self.config)
        self.chief = distribution.is_chief(self.strategy)
        self.share = distribution.share(self.strategy)
        self.signals.highest = functools.partial(distribution.highest, self.strategy)

    def prepare(self):
        """Checks data and workdir, writes the run's options, seeds the initial weights."""
        config = self.config
        self.steps = pipeline.steps_per_epoch(config)
        if self.steps % config.steps_per_execution:
            raise ValueError(
                f"--steps_per_execution={config.steps_per_execution} must divide the "
                f"{self.steps} steps of an epoch"
            )
        if config.speed_weight > 0:
            meters.check(config)
        if config.learn_intrinsics:
            first_guess.check(config)
        self.frames = depth_metrics.chosen_frames(config)
        self.initial = initial.prepare(config, self.workdir)
        if self.initial is not None:
            config = self.config = self.initial.resolved(config)
        if self.chief:
            training_workdir.prepare(config, self.workdir, self.initial)
        tf.keras.utils.set_random_seed(config.seed)

    def build(self):
        """Networks, one stage and optimizer for each phase, and the checkpoints of all of them."""
        config = self.config
        with self.strategy.scope():  # the first variable of other workers waits for the chief's
            self.aquanet, self.posenet = build.build_networks(config)
            self.teachers = teachers.Teachers(config, self.workdir)
            self.averages = averages.Averages(config) if config.ema else None
            sets = len(mixture.directories(config.data_dir))
            self.cameras = LearnedIntrinsics(sets) if config.learn_intrinsics else None
            self.stages = [(phase, self._stage(phase)) for phase in schedule.phases(config)]
            self.optimizers = {
                f"{phase.name}_optimizer": precision.build_optimizer(
                    stage.trained, phase.learning_rate
                )
                for phase, stage in self.stages
            }
            self.columns = columns(stage for _, stage in self.stages)
            if self.frames:
                self.columns += depth_metrics.COLUMNS
            self.watchers = assembly.Watchers(
                config, self.workdir, self.columns, self.frames, self.chief
            )
            self.checkpoints = Checkpoints(
                self.workdir,
                {**self._own_networks(), **self.teachers.networks},
                {**self.optimizers, **({"averages": self.averages} if config.ema else {})},
                min(config.keep_checkpoints, config.epochs),
                [name for name in self.columns if not name.startswith("val_")],
                self.chief,
            )
        self.best = None
        if config.keep_best and self.chief:
            column = rules.best_column(config)
            self.best = best.Best(self.workdir, column, column in rules.LARGER_IS_BETTER)

    def restore(self):
        """Weights and position of the newest checkpoint; of a new run, what it starts from. Then
        compiles the stages, whose loss scales are not part of a checkpoint."""
        config = self.config
        with self.strategy.scope():
            position = self.checkpoints.restore()
            if position is None:
                pretrained.start_encoder(config, self.aquanet)
                if self.initial is not None:
                    self.initial.start(aquanet=self.aquanet, posenet=self.posenet)
                self.teachers.start(self.aquanet, self.posenet)
                if self.cameras is not None:
                    intrinsics.of_stage_one(config, self.cameras)
                if self.averages is not None:
                    self.averages.start(self.aquanet, self.posenet)
            for (_, stage), optimizer in zip(self.stages, self.optimizers.values()):
                stage.compile(
                    optimizer=precision.with_loss_scale(optimizer, stage.trained, config),
                    jit_compile=False,
                    steps_per_execution=config.steps_per_execution,
                )
        distribution.check_equal(
            self.strategy,
            -1 if position is None else position.epoch * 2**32 + position.step,
            "the workers find different checkpoints: --workdir must be one that they share",
        )
        self.resumed = position is not None
        self.position = position or Position(0)

    def save_start(self):
        """Saves a new run before its first step, so that a workdir that cannot be written fails
        now. ValueError for a position that the data set does not have."""
        kept = int(bool(self.config.keep_best))
        if not self.resumed:
            self.checkpoints.require_room(kept)
            self.checkpoints.save(*self.position)
        elif self.position.epoch < self.config.epochs:
            self.checkpoints.require_room(kept)
            logging.info("%s: resuming after %d epochs and %d steps", self.workdir, *self.position)
        else:
            logging.info(
                "%s: has all %d epochs; nothing to train", self.workdir, self.config.epochs
            )
        if self.position.step > self.steps:
            raise ValueError(
                f"{self.checkpoints.newest()}: saved in an epoch of more than the {self.steps} "
                "steps that it has now; resume with the --data_dir that the run began with"
            )
        if self.best is not None:
            self._resume_best()

    def _resume_best(self):
        """The best checkpoint as it was when the run was stopped."""
        last = str(self.position.epoch - 1)
        rows = history.read_history(self.workdir / "history.csv")
        counted = [row for row in rows if row["epoch"] == last and row["phase"] != "kickstart"]
        self.best.start(self.position.epoch, counted[0] if counted else None)

    def train_phase(self, phase, stage):
        """Trains what is left of a phase, in as few calls of `fit` as possible."""
        if self.position.epoch >= phase.end:
            return
        masks = self._masks() if isinstance(stage, StageTwo) else None
        for stretch in schedule.stretches(phase, self.position):
            start = Position(stretch.start, stretch.step)
            saver = callbacks.CheckpointCallback(
                self.checkpoints,
                self.config.checkpoint_steps,
                start,
                self.signals,
                None if isinstance(stage, KickStart) else self.best,  # it has other losses
            )
            # The saver is last: it saves an epoch once everything else about it is written.
            watchers = [*self.watchers.of(phase, stage), saver]
            validation = self._validation()
            if validation and self.initial is not None and start == Position(0):
                # By the last stage: a kick-start would measure its naive ramp.
                last = self.stages[-1][1]
                start_file.measure(last, validation, self.workdir, self.chief)
            explained = diagnosis.explained(self.config, self.workdir, saver, masks)
            with self.signals.deferred(), explained:
                if stretch.step == self.steps:
                    self._end_epoch(stage, watchers, stretch.start, validation)
                    continue
                stage.fit(
                    self._training_data(stretch, masks),
                    initial_epoch=stretch.start,
                    epochs=stretch.end,
                    steps_per_epoch=self.steps - stretch.step,
                    **validation,
                    callbacks=watchers,
                    verbose=progress.verbosity(),
                )

    def _stage(self, phase):
        more = self.teachers.arguments(phase.stage)
        more.update(averages=self.averages, cameras=self.cameras)
        return phase.stage(self.config, self.aquanet, self.posenet, **more)

    def _own_networks(self) -> dict:
        """The networks of the run, the averages of their weights, and the learned cameras, for the
        checkpoint."""
        own = {"aquanet": self.aquanet, "posenet": self.posenet}
        if self.cameras is not None:
            own["intrinsics"] = self.cameras
        return own if self.averages is None else {**own, **self.averages.networks}

    def _masks(self):
        """Directories of the cached static masks, which the chief makes; None without them."""
        if self.config.mask_source != "cached" or not self.teachers.frozen:
            return None
        if not self.chief:
            distribution.wait(self.strategy)
        folders = mask_cache.prepare(self.teachers.frozen, self.config, self.workdir)
        if self.chief:
            distribution.wait(self.strategy)
        return folders

    def _training_data(self, stretch, masks):
        epochs = stretch.start, stretch.end
        return distribution.fed(
            self.strategy,
            pipeline.training_dataset(self.config, *epochs, masks, stretch.step, self.share),
        )

    def _validation(self) -> dict:
        """`fit`'s arguments validation_data and validation_steps; none without --val_data_dir.

        Full batches on several replicas: a small last one would leave some replica without samples.
        """
        config, source = self.config, self.config.val_data_dir
        if not source:
            return {}
        several = self.strategy.num_replicas_in_sync > 1
        dataset = pipeline.validation_dataset(config, source, self.share if several else None)
        return {
            "validation_data": distribution.fed(self.strategy, dataset),
            "validation_steps": pipeline.validation_steps(config, source) if several else None,
        }

    def _end_epoch(self, stage, watchers, epoch, validation):
        """Validation and the callbacks that end an epoch, for a run that was stopped while it
        validated: `fit` cannot begin behind the last step."""
        calls = tf.keras.callbacks.CallbackList(watchers, model=stage)
        calls.on_train_begin()
        calls.on_epoch_begin(epoch)
        logs = {name: float(mean.result()) for name, mean in stage.means.items()}
        if validation:
            values = stage.evaluate(
                validation["validation_data"],
                steps=validation["validation_steps"],
                callbacks=calls,
                return_dict=True,
                verbose=0,
            )
            logs.update({f"val_{name}": value for name, value in values.items()})
        calls.on_epoch_end(epoch, logs)
        calls.on_train_end()
