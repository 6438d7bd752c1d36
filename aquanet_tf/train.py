"""Trains AQUANet: kick-start (PoseNet alone), then stage 1 or 2, in a run that can be resumed.

    python -m aquanet_tf.train --flagfile=configs/street/demo.flags --data_dir=DIR --workdir=RUN

`--stage=2 --stage1_workdir=RUN` masks moving objects with the frozen network of a stage-1 run;
`--stage=both` does stage 1 in WORKDIR/stage1, then stage 2 in WORKDIR/stage2.

The workdir receives config.json and flags.txt (resolved options), run.json (versions, command,
data), checkpoints/, tensorboard/ and history.csv. The same command on the same workdir goes on
after the last finished epoch and sees the batches an uninterrupted run would have seen.
"""

from __future__ import annotations

import dataclasses
import pathlib
import platform
import sys
from typing import NamedTuple

import tensorflow as tf
from absl import flags, logging

import aquanet_tf
from aquanet_tf import (
    callbacks,
    checkpoints,
    cli,
    config,
    input_pipeline,
    json_file,
    manifest,
    mask_cache,
    stage_two,
    stages,
    teachers,
)

_WORKDIR = flags.DEFINE_string("workdir", "", "Directory of the run, made if missing.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Build the networks, print the options, stop.")

# Options that may change when a run goes on: they alter neither networks nor losses nor batches.
_MAY_CHANGE = {
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


class Phase(NamedTuple):
    """A stretch of epochs [start, end) that one stage trains with one optimizer."""

    name: str
    stage: type[stages.Stage]
    start: int
    end: int
    learning_rate: float


def phases(options: config.Config) -> list[Phase]:
    """The phases of a run in order; one without epochs is left out."""
    kick = options.kickstart_epochs
    frozen = kick + options.pose_frozen_epochs
    rate = options.learning_rate
    alone, last = stages.DepthAlone, stages.StageOne
    if options.stage == "2":
        alone, last = stage_two.DepthAloneTwo, stage_two.StageTwo
    every = [
        Phase("kickstart", stages.KickStart, 0, kick, options.kickstart_learning_rate),
        Phase("depth_alone", alone, kick, frozen, rate),
        Phase(f"stage{options.stage}", last, frozen, options.epochs, rate),
    ]
    return [phase for phase in every if phase.start < phase.end]


def train(options: config.Config, workdir: str | pathlib.Path) -> int:
    """Runs or resumes a training and returns the number of finished epochs (of the last stage).

    Raises ValueError (bad options, data set or workdir; a loss that is not finite; collapse with
    --collapse=stop) and OSError (workdir not writable), before the first step where possible.
    """
    workdir = pathlib.Path(workdir)
    if options.stage == "both":
        first, second = workdir / "stage1", workdir / "stage2"
        train(dataclasses.replace(options, stage="1", stage2_posenet="scratch"), first)
        return train(dataclasses.replace(options, stage="2", stage1_workdir=str(first)), second)
    strategy = _strategy(options)  # first: a CPU can only be split before anything runs on it
    steps = input_pipeline.steps_per_epoch(options)
    _prepare_workdir(options, workdir)
    tf.keras.utils.set_random_seed(options.seed)
    with strategy.scope():
        aquanet, posenet = checkpoints.build_networks(options)
        helpers = teachers.Teachers(options, workdir)
        built = [
            (phase, phase.stage(options, aquanet, posenet, **_extra(phase, helpers)))
            for phase in phases(options)
        ]
        optimizers = {
            f"{phase.name}_optimizer": checkpoints.build_optimizer(
                stage.trained, phase.learning_rate
            )
            for phase, stage in built
        }
        state = checkpoints.Checkpoints(
            workdir,
            {"aquanet": aquanet, "posenet": posenet, **helpers.networks},
            optimizers,
            options.keep_checkpoints,
        )
        done = state.restore()
        if not done:
            start_encoder(options, aquanet)
            helpers.start(aquanet, posenet)
        for (_, stage), optimizer in zip(built, optimizers.values()):
            stage.compile(optimizer=optimizer, jit_compile=False)
    if done:
        logging.info("%s: going on after %d finished epochs", workdir, done)

    columns = _columns(stage for _, stage in built)
    panel_batch = _panel_batch(options)
    for phase, stage in built:
        if done >= phase.end:
            continue
        first = max(done, phase.start)
        masks = None
        if issubclass(phase.stage, stage_two.StageTwo) and options.mask_source == "cached":
            masks = helpers.frozen and mask_cache.prepare(helpers.frozen, options, workdir)
        try:
            stage.fit(
                _unsharded(input_pipeline.training_dataset(options, first, phase.end, masks)),
                initial_epoch=first,
                epochs=phase.end,
                steps_per_epoch=steps,
                validation_data=_validation_data(options),
                callbacks=_callbacks(options, workdir, phase, stage, state, columns, panel_batch),
                verbose=1 if sys.stdout.isatty() else 2,
            )
        except tf.errors.InvalidArgumentError as error:
            raise _explained(error, workdir) from error
        done = phase.end
    return done


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


def learning_rate(options: config.Config, phase: Phase, epoch: int) -> float:
    """The phase's rate, halved at each milestone that `epoch` has reached."""
    milestones = config.parse_milestones(options.milestones)
    return phase.learning_rate * 0.5 ** sum(epoch >= milestone for milestone in milestones)


def _panel_batch(options):
    """The samples every phase's panels show; None without panels."""
    if not options.panels_every:
        return None
    source = options.val_data_dir or options.data_dir
    batch = next(iter(input_pipeline.validation_dataset(options, source)))
    return {name: value[: callbacks.Panels.SAMPLES] for name, value in batch.items()}


def _callbacks(options, workdir, phase, stage, state, columns, panel_batch):
    def rate(epoch, *_):
        return learning_rate(options, phase, epoch)

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
    # Last, so that an epoch is saved once everything else about it is written.
    return watchers + [callbacks.CheckpointCallback(state)]


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


def _explained(error, workdir):
    """A non-finite loss or gradient as a ValueError with advice; any other error as it is."""
    text = str(error)
    for line in text.splitlines():
        if "is not finite" in line:
            what = line[line.index("the ") : line.index("is not finite")]
            return ValueError(
                f"{what}is not finite; training stopped before the update, the last epoch is safe "
                f"in {workdir}. Lower --learning_rate or set --clip_norm=1"
            )
    return error


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
