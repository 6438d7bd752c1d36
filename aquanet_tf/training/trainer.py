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
from aquanet_tf.data import first_guess, meters, pipeline
from aquanet_tf.runs import best, history, initial
from aquanet_tf.runs.checkpoint import Position
from aquanet_tf.runs.layout import HISTORY_FILE
from aquanet_tf.training import diagnosis, distribution, feed, schedule, state
from aquanet_tf.training import signals as training_signals
from aquanet_tf.training import workdir as training_workdir
from aquanet_tf.training.stages.kick_start import KickStart
from aquanet_tf.training.stages.stage_two import StageTwo
from aquanet_tf.training.watchers import assembly, callbacks, depth_metrics
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
    """One run of one stage: call `run`, or `start` for all of it before the first step.

    Args:
        config: Config with stage 1 or 2; workdir: directory of the run.
        signals: signals.Interruption, entered.

    Attributes after `start`:
        config: resolved, if the run starts from another one (--init_from).
        state: `state.State`: networks, stages, optimizers, checkpoints.
        feed: `feed.Feed`: the data.
        resumed, position: whether there was a checkpoint, and how far the run is.
    """

    def __init__(self, config: Config, workdir: pathlib.Path, signals):
        self.config = config
        self.workdir = workdir
        self.signals = signals

    def run(self) -> int:
        """Trains what is left of the run; the number of finished epochs."""
        self.start()
        for phase, stage in self.state.stages:
            if self.position.epoch < phase.end:
                self._train(phase, stage)
        return max(self.position.epoch, self.config.epochs)

    def start(self) -> None:
        """Makes everything that the first step needs. Each part needs those before it."""
        self._choose_devices()
        self._check_data()
        self._prepare_workdir()
        self._build()
        self._save_start()

    def _choose_devices(self):
        """Sets the strategy. TensorFlow fixes its devices with the first operation it runs."""
        if self.config.deterministic:
            tf.config.experimental.enable_op_determinism()
        with self.signals.released():
            self.strategy = distribution.create(self.config)
        self.chief = distribution.is_chief(self.strategy)
        self.signals.highest = functools.partial(distribution.highest, self.strategy)

    def _check_data(self):
        """Counts the steps of an epoch and finds the frames that are measured after each.
        ValueError for data that does not fit the options."""
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

    def _prepare_workdir(self):
        """Reads the run that this one starts from, and writes the options of this one. Seeds the
        weights, which are made next."""
        self.initial = initial.prepare(self.config, self.workdir)
        if self.initial is not None:
            self.config = self.initial.resolved(self.config)
        if self.chief:
            training_workdir.prepare(self.config, self.workdir, self.initial)
        tf.keras.utils.set_random_seed(self.config.seed)

    def _build(self):
        """The state, as it was when the run was stopped or as it begins, and what goes with it."""
        config = self.config
        self.state = state.State(config, self.workdir, self.strategy)
        restored = self.state.restore(self.initial)
        self.resumed = restored is not None
        self.position = restored or Position(0)
        self.feed = feed.Feed(config, self.strategy)
        measured = depth_metrics.COLUMNS if self.frames else ()
        self.watchers = assembly.Watchers(
            config, self.workdir, [*self.state.columns, *measured], self.frames, self.chief
        )
        self.best = None
        if config.keep_best and self.chief:
            column = rules.best_column(config)
            self.best = best.Best(self.workdir, column, column in rules.LARGER_IS_BETTER)

    def _save_start(self):
        """Saves a new run before its first step, so that a workdir that cannot be written fails
        now. ValueError for a position that the data set does not have."""
        config, checkpoints, position = self.config, self.state.checkpoints, self.position
        copies = int(bool(config.keep_best))
        if not self.resumed:
            checkpoints.require_room(copies)
            checkpoints.save(*position)
        elif position.epoch < config.epochs:
            checkpoints.require_room(copies)
            logging.info("%s: resuming after %d epochs and %d steps", self.workdir, *position)
        else:
            logging.info("%s: has all %d epochs; nothing to train", self.workdir, config.epochs)
        if position.step > self.steps:
            raise ValueError(
                f"{checkpoints.newest()}: saved in an epoch of more than the {self.steps} "
                "steps that it has now; resume with the --data_dir that the run began with"
            )
        if self.best is not None:
            self._resume_best()

    def _resume_best(self):
        """The best checkpoint as it was when the run was stopped."""
        last = str(self.position.epoch - 1)
        rows = history.read_history(self.workdir / HISTORY_FILE)
        counted = [row for row in rows if row["epoch"] == last and row["phase"] != "kickstart"]
        self.best.start(self.position.epoch, counted[0] if counted else None)

    def _train(self, phase, stage):
        """Trains what is left of a phase, in as few calls of `fit` as possible."""
        masks = None
        if isinstance(stage, StageTwo):
            masks = self.feed.masks(self.state.teachers.frozen, self.workdir)
        for stretch in schedule.stretches(phase, self.position):
            start = Position(stretch.start, stretch.step)
            saver = callbacks.CheckpointCallback(
                self.state.checkpoints,
                self.config.checkpoint_steps,
                start,
                self.signals,
                None if isinstance(stage, KickStart) else self.best,  # it has other losses
            )
            # The saver is last: it saves an epoch once everything else about it is written.
            watchers = [*self.watchers.of(phase, stage), saver]
            validation = self.feed.validation()
            if validation and self.initial is not None and start == Position(0):
                # By the last stage: a kick-start would measure its naive ramp.
                _, last_stage = self.state.stages[-1]
                start_file.measure(last_stage, validation, self.workdir, self.chief)
            explained = diagnosis.explained(self.config, self.workdir, saver, masks)
            with self.signals.deferred(), explained:
                if stretch.step == self.steps:
                    _end_epoch(stage, watchers, stretch.start, validation)
                    continue
                stage.fit(
                    self.feed.training(stretch, masks),
                    initial_epoch=stretch.start,
                    epochs=stretch.end,
                    steps_per_epoch=self.steps - stretch.step,
                    **validation,
                    callbacks=watchers,
                    verbose=progress.verbosity(),
                )


def _end_epoch(stage, watchers, epoch, validation):
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
