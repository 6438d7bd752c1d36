"""Trains AQUANet: kick-start (PoseNet alone), then stage 1 or 2, in a run that can be resumed.

    python -m aquanet_tf.train --flagfile=configs/street/demo.flags --data_dir=DIR --workdir=RUN

`--stage=2 --stage1_workdir=RUN` masks moving objects with the frozen network of a stage-1 run;
`--stage=both` does stage 1 in WORKDIR/stage1, then stage 2 in WORKDIR/stage2.

The workdir receives config.json and flags.txt (resolved options), run.json (versions, command,
data), checkpoints/, tensorboard/ and history.csv, and unfinished/ while an epoch is under way. The
same command on the same workdir goes on at the newest checkpoint, inside an epoch too
(--checkpoint_steps), and sees the batches an uninterrupted run would have seen. SIGTERM and SIGINT
finish the step and save; the exit code is then 143 or 130.
"""

from __future__ import annotations

import dataclasses
import pathlib
import platform
import sys

import tensorflow as tf
from absl import flags, logging

import aquanet_tf
from aquanet_tf import (
    callbacks,
    checkpoints,
    cli,
    config,
    failures,
    input_pipeline,
    interruption,
    json_file,
    manifest,
    mask_cache,
    phases,
    precision,
    stage_two,
    teachers,
)

_WORKDIR = flags.DEFINE_string("workdir", "", "Directory of the run, made if missing.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Build the networks, print the options, stop.")

# Options that may change when a run goes on: they alter neither networks nor losses nor batches.
_MAY_CHANGE = {
    "checkpoint_steps",
    "deterministic",
    "learning_rate",
    "kickstart_learning_rate",
    "milestones",
    "clip_norm",
    "data_dir",
    "val_data_dir",
    "stage1_workdir",
    "epochs",
    "replicas",
    "panels_every",
    "keep_checkpoints",
    "collapse",
    "warp_impl",
    "vgg19_weights",
    "encoder_weights",
}


def train(options: config.Config, workdir: str | pathlib.Path) -> int:
    """Runs or resumes a training and returns the number of finished epochs (of the last stage).

    Raises ValueError (bad options, data set or workdir; a loss that is not finite; collapse with
    --collapse=stop), OSError (workdir not writable or full), before the first step where possible,
    and interruption.Stopped after SIGTERM or SIGINT.
    """
    with interruption.Interruption() as signals:
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
    strategy = _strategy(options)  # first: a CPU can only be split before anything runs on it
    steps = input_pipeline.steps_per_epoch(options)
    if steps % options.steps_per_execution:
        raise ValueError(
            f"--steps_per_execution={options.steps_per_execution} must divide the {steps} steps of "
            "an epoch"
        )
    _prepare_workdir(options, workdir)
    tf.keras.utils.set_random_seed(options.seed)
    with strategy.scope():
        aquanet, posenet = checkpoints.build_networks(options)
        helpers = teachers.Teachers(options, workdir)
        built = [
            (phase, phase.stage(options, aquanet, posenet, **_extra(phase, helpers)))
            for phase in phases.phases(options)
        ]
        optimizers = {
            f"{phase.name}_optimizer": checkpoints.build_optimizer(
                stage.trained, phase.learning_rate
            )
            for phase, stage in built
        }
        columns = _columns(stage for _, stage in built)
        state = checkpoints.Checkpoints(
            workdir,
            {"aquanet": aquanet, "posenet": posenet, **helpers.networks},
            optimizers,
            min(options.keep_checkpoints, options.epochs),
            [name for name in columns if not name.startswith("val_")],
        )
        position = state.restore()
        if position is None:
            start_encoder(options, aquanet)
            helpers.start(aquanet, posenet)
        for (_, stage), optimizer in zip(built, optimizers.values()):
            stage.compile(
                optimizer=precision.with_loss_scale(optimizer, stage.trained, options),
                jit_compile=False,
                steps_per_execution=options.steps_per_execution,
            )
    if position is None:
        position = checkpoints.Position(0)
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

    panel_batch = _panel_batch(options)
    for phase, stage in built:
        if position.epoch >= phase.end:
            continue
        masks = None
        if issubclass(phase.stage, stage_two.StageTwo) and options.mask_source == "cached":
            masks = helpers.frozen and mask_cache.prepare(helpers.frozen, options, workdir)
        for stretch in phases.stretches(phase, position):
            watchers = _callbacks(options, workdir, phase, stage, columns, panel_batch)
            saver = callbacks.CheckpointCallback(
                state,
                options.checkpoint_steps,
                checkpoints.Position(stretch.start, stretch.step),
                signals,
            )
            # Last, so that an epoch is saved once everything else about it is written.
            watchers.append(saver)
            with signals.deferred(), failures.explained(options, workdir, saver, masks):
                if stretch.step == steps:
                    _end_epoch(options, stage, watchers, stretch.start)
                    continue
                data = input_pipeline.training_dataset(
                    options, stretch.start, stretch.end, masks, stretch.step
                )
                stage.fit(
                    _unsharded(data),
                    initial_epoch=stretch.start,
                    epochs=stretch.end,
                    steps_per_epoch=steps - stretch.step,
                    validation_data=_validation_data(options),
                    callbacks=watchers,
                    verbose=1 if sys.stdout.isatty() else 2,
                )
    return max(position.epoch, options.epochs)


def _end_epoch(options, stage, watchers, epoch):
    """What `fit` does after the steps of an epoch, for a run stopped while it validated."""
    calls = tf.keras.callbacks.CallbackList(watchers, model=stage)
    calls.on_train_begin()
    calls.on_epoch_begin(epoch)
    logs = {name: float(mean.result()) for name, mean in stage.means.items()}
    if options.val_data_dir:
        values = stage.evaluate(
            _validation_data(options), callbacks=calls, return_dict=True, verbose=0
        )
        logs.update({f"val_{name}": value for name, value in values.items()})
    calls.on_epoch_end(epoch, logs)
    calls.on_train_end()


def start_encoder(options, aquanet):
    """Takes over the trained weights of --encoder_weights. ValueError when they do not fit."""
    if options.encoder_weights == "none":
        return
    from aquanet_tf import addons

    try:
        aquanet.mobile.assign(addons.mobilenet_convolutions(options.encoder_weights))
    except ValueError as error:
        if "--encoder_weights" in str(error):
            raise
        raise ValueError(f"--encoder_weights={options.encoder_weights}: {error}") from error


def _extra(phase, helpers):
    """What a phase's stage takes beside the networks it may train."""
    return helpers.arguments() if issubclass(phase.stage, stage_two.StageTwo) else {}


def _panel_batch(options):
    """The samples every phase's panels show; None without panels."""
    if not options.panels_every:
        return None
    source = options.val_data_dir or options.data_dir
    batch = next(iter(input_pipeline.validation_dataset(options, source)))
    return {name: value[: callbacks.Panels.SAMPLES] for name, value in batch.items()}


def _callbacks(options, workdir, phase, stage, columns, panel_batch):
    def rate(epoch, *_):
        return phases.learning_rate(options, phase, epoch)

    logdir = workdir / "tensorboard"
    watchers = [
        tf.keras.callbacks.LearningRateScheduler(rate),
        tf.keras.callbacks.TensorBoard(str(logdir), write_graph=False),
        callbacks.History(workdir / "history.csv", phase.name, rate, columns),
    ]
    if panel_batch is not None:
        watchers.append(callbacks.Panels(logdir / "panels", panel_batch, options.panels_every))
    if options.collapse != "off":
        watchers.append(callbacks.CollapseSentinel(options.collapse))
    if getattr(stage, "teacher", None) is not None:
        watchers.append(callbacks.PreviousEpoch(options.kickstart_epochs))
    return watchers


def _strategy(options):
    """All GPUs, or one CPU, or the CPU split into --replicas logical devices."""
    gpus = tf.config.list_physical_devices("GPU")
    if options.replicas > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(options.replicas)]
        if tf.config.get_logical_device_configuration(cpu) != parts:
            tf.config.set_logical_device_configuration(cpu, parts)
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(options.replicas)])
    elif gpus and not options.replicas:
        strategy = tf.distribute.MirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    if options.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"--batch_size={options.batch_size} must be a multiple of the "
            f"{strategy.num_replicas_in_sync} replicas"
        )
    return strategy


def _unsharded(dataset):
    """The batches as `fit` takes them under a strategy: every process reads all files (splitting
    them would only warn), and without the keys, since Keras 3 averages a first batch over the
    replicas and text has no mean."""
    settings = tf.data.Options()
    settings.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = dataset.map(lambda batch: {n: v for n, v in batch.items() if n != "key"})
    return dataset.with_options(settings)


def _validation_data(options):
    if not options.val_data_dir:
        return None
    return _unsharded(input_pipeline.validation_dataset(options, options.val_data_dir))


def _columns(built):
    """Names of all means of all stages, validation included, in order of appearance."""
    names = []
    for stage in built:
        names += [name for name in stage.means if name not in names]
    return names + [f"val_{name}" for name in names]


def _prepare_workdir(options, workdir):
    """Makes the workdir and writes what the run is; refuses options that another run began with."""
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / checkpoints.CONFIG_FILE
    if path.exists():
        before, now = (dataclasses.asdict(c) for c in (config.Config.load(path), options))
        changed = [n for n in now if before[n] != now[n] and n not in _MAY_CHANGE]
        if changed:
            was = ", ".join(f"--{name}={before[name]}" for name in changed)
            raise ValueError(f"--workdir={workdir}: began with {was}; choose another --workdir")
        for name in sorted(n for n in now if before[n] != now[n]):
            logging.warning("going on with --%s=%s, before %s", name, now[name], before[name])
    teachers.remember_stage_one(options, workdir)
    options.save(path)
    lines = (f"--{name}={value}\n" for name, value in dataclasses.asdict(options).items())
    (workdir / "flags.txt").write_text("".join(lines))
    info = manifest.read(options.data_dir)
    sample = next(iter(input_pipeline.validation_dataset(options, options.data_dir)))
    k = sample["intrinsics"][0].numpy()
    # Without resizing the network knows one size only, that of the crop.
    whole = options.depth_scaling == "none"
    size = (
        (options.crop_height, options.crop_width)
        if whole
        else (info["image_height"], info["image_width"])
    )
    focal = [float(k[0, 0] / options.crop_width), float(k[1, 1] / options.crop_height)]
    record = {
        "command": sys.argv,
        "seed": options.seed,
        "versions": {
            "aquanet_tf": aquanet_tf.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
        "data": {
            "image_height": size[0],
            "image_width": size[1],
            "triplets": info["count"],
            "focal": focal,
        },
    }
    json_file.write(workdir / checkpoints.RUN_FILE, record)


def main(_):
    options = config.from_flags()
    if _DRY_RUN.value:
        aquanet, posenet = checkpoints.build_networks(options)
        for name, value in dataclasses.asdict(options).items():
            print(f"--{name}={value}")
        print(f"AQUANet {aquanet.count_params():,} parameters, PoseNet {posenet.count_params():,}")
        return
    if not _WORKDIR.value:
        raise ValueError("--workdir is empty: name the directory of the run")
    train(options, _WORKDIR.value)


if __name__ == "__main__":
    config.define_flags()
    cli.run(main)
