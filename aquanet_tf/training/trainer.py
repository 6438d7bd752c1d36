"""TODO docstring of aquanet_tf.training.trainer."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import sys

import tensorflow as tf
from absl import logging

from aquanet_tf.config.options import Config
from aquanet_tf.data import pipeline
from aquanet_tf.networks import build, pretrained
from aquanet_tf.runs import history
from aquanet_tf.runs.checkpoint import Checkpoints, Position
from aquanet_tf.training import (
    callbacks,
    collapse,
    diagnosis,
    distribution,
    mask_cache,
    precision,
    schedule,
    teachers,
)
from aquanet_tf.training import signals as training_signals
from aquanet_tf.training import workdir as training_workdir
from aquanet_tf.training.stages import stage_two

# Callbacks that write to the workdir: of several workers the chief alone has them.
_WRITERS = (tf.keras.callbacks.TensorBoard, history.History, callbacks.Panels)


def train(options: Config, workdir: str | pathlib.Path) -> int:
    """Runs or resumes a training and returns the number of finished epochs (of the last stage).

    Raises ValueError (bad options, data set or workdir; a loss that is not finite; collapse with
    --collapse=stop), OSError (workdir not writable or full), before the first step where possible,
    and interruption.Stopped after SIGTERM or SIGINT.
    """
    with training_signals.Interruption() as signals:
        return _train(options, pathlib.Path(workdir), signals)


def _train(options, workdir, signals):
    if options.stage == "both":
        first, second = workdir / "stage1", workdir / "stage2"
        one = dataclasses.replace(options, stage="1", stage2_posenet="scratch")
        _train(one, first, signals)
        two = dataclasses.replace(options, stage="2", stage1_workdir=str(first))
        return _train(two, second, signals)
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
    with signals.released():
        replicas = distribution.create(options)  # first: before anything runs on the devices
    chief = distribution.is_chief(replicas)
    signals.highest = functools.partial(distribution.highest, replicas)
    steps = pipeline.steps_per_epoch(options)
    if steps % options.steps_per_execution:
        raise ValueError(
            f"--steps_per_execution={options.steps_per_execution} must divide the {steps} steps of "
            "an epoch"
        )
    if chief:
        training_workdir.prepare(options, workdir)
    tf.keras.utils.set_random_seed(options.seed)
    with replicas.scope():  # the first variable of other workers waits for the chief's
        aquanet, posenet = build.build_networks(options)
        helpers = teachers.Teachers(options, workdir)
        built = [
            (phase, phase.stage(options, aquanet, posenet, **_extra(phase, helpers)))
            for phase in schedule.phases(options)
        ]
        optimizers = {
            f"{phase.name}_optimizer": precision.build_optimizer(stage.trained, phase.learning_rate)
            for phase, stage in built
        }
        columns = _columns(stage for _, stage in built)
        state = Checkpoints(
            workdir,
            {"aquanet": aquanet, "posenet": posenet, **helpers.networks},
            optimizers,
            min(options.keep_checkpoints, options.epochs),
            [name for name in columns if not name.startswith("val_")],
            chief,
        )
        position = state.restore()
        if position is None:
            pretrained.start_encoder(options, aquanet)
            helpers.start(aquanet, posenet)
        for (_, stage), optimizer in zip(built, optimizers.values()):
            stage.compile(
                optimizer=precision.with_loss_scale(optimizer, stage.trained, options),
                jit_compile=False,
                steps_per_execution=options.steps_per_execution,
            )
    distribution.check_equal(
        replicas,
        -1 if position is None else position.epoch * 2**32 + position.step,
        "the workers find different checkpoints: --workdir must be one that they share",
    )
    if position is None:
        position = Position(0)
        state.require_room()
        state.save(*position)  # what cannot be written should fail now
    elif position.epoch < options.epochs:
        state.require_room()
        logging.info("%s: going on after %d epochs and %d steps", workdir, *position)
    if position.step > steps:
        raise ValueError(
            f"{state.newest()}: of an epoch with more than its {steps} steps of now; go on with "
            "the --data_dir that the run began with"
        )

    panel_batch = _panel_batch(options) if chief else None
    for phase, stage in built:
        if position.epoch >= phase.end:
            continue
        masks = None
        if issubclass(phase.stage, stage_two.StageTwo) and options.mask_source == "cached":
            masks = helpers.frozen and _masks(replicas, helpers.frozen, options, workdir)
        for stretch in schedule.stretches(phase, position):
            watchers = _callbacks(options, workdir, phase, stage, columns, panel_batch)
            watchers = [w for w in watchers if chief or not isinstance(w, _WRITERS)]
            saver = callbacks.CheckpointCallback(
                state,
                options.checkpoint_steps,
                Position(stretch.start, stretch.step),
                signals,
            )
            # Last, so that an epoch is saved once everything else about it is written.
            watchers.append(saver)
            validation = distribution.validation_data(replicas, options)
            with signals.deferred(), diagnosis.explained(options, workdir, saver, masks):
                if stretch.step == steps:
                    _end_epoch(stage, watchers, stretch.start, validation)
                    continue
                stage.fit(
                    distribution.training_data(replicas, options, stretch, masks),
                    initial_epoch=stretch.start,
                    epochs=stretch.end,
                    steps_per_epoch=steps - stretch.step,
                    **validation,
                    callbacks=watchers,
                    verbose=1 if sys.stdout.isatty() else 2,
                )
    return max(position.epoch, options.epochs)


def _end_epoch(stage, watchers, epoch, validation):
    """What `fit` does after the steps of an epoch, for a run stopped while it validated."""
    calls = tf.keras.callbacks.CallbackList(watchers, model=stage)
    calls.on_train_begin()
    calls.on_epoch_begin(epoch)
    logs = {name: float(mean.result()) for name, mean in stage.means.items()}
    if validation:
        steps = validation.get("validation_steps")
        values = stage.evaluate(
            validation["validation_data"],
            steps=steps,
            callbacks=calls,
            return_dict=True,
            verbose=0,
        )
        logs.update({f"val_{name}": value for name, value in values.items()})
    calls.on_epoch_end(epoch, logs)
    calls.on_train_end()


def _extra(phase, helpers):
    """What a phase's stage takes beside the networks it may train."""
    return helpers.arguments() if issubclass(phase.stage, stage_two.StageTwo) else {}


def _panel_batch(options):
    """The samples every phase's panels show; None without panels."""
    if not options.panels_every:
        return None
    source = options.val_data_dir or options.data_dir
    batch = next(iter(pipeline.validation_dataset(options, source)))
    return {name: value[: callbacks.Panels.SAMPLES] for name, value in batch.items()}


def _callbacks(options, workdir, phase, stage, columns, panel_batch):
    def rate(epoch, *_):
        return schedule.learning_rate(options, phase, epoch)

    logdir = workdir / "tensorboard"
    watchers = [
        tf.keras.callbacks.LearningRateScheduler(rate),
        tf.keras.callbacks.TensorBoard(str(logdir), write_graph=False),
        history.History(workdir / "history.csv", phase.name, rate, columns),
    ]
    if panel_batch is not None:
        watchers.append(callbacks.Panels(logdir / "panels", panel_batch, options.panels_every))
    if options.collapse != "off":
        watchers.append(collapse.CollapseSentinel(options.collapse))
    if getattr(stage, "teacher", None) is not None:
        watchers.append(callbacks.PreviousEpoch(options.kickstart_epochs))
    return watchers


def _masks(replicas, frozen, options, workdir):
    """Directories of the cached masks, which the chief makes."""
    if not distribution.is_chief(replicas):
        distribution.wait(replicas)
    folders = mask_cache.prepare(frozen, options, workdir)
    if distribution.is_chief(replicas):
        distribution.wait(replicas)
    return folders


def _columns(built):
    """Names of all means of all stages, validation included, in order of appearance."""
    names = []
    for stage in built:
        names += [name for name in stage.means if name not in names]
    return names + [f"val_{name}" for name in names]
