"""What a workdir says about its run before the first step: options, versions, commit, data."""

from __future__ import annotations

import dataclasses
import pathlib
import platform
import sys

import numpy as np
import tensorflow as tf
from absl import logging

import aquanet_tf
from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.config.fields import named
from aquanet_tf.data import manifest, mixture, records
from aquanet_tf.geometry import camera
from aquanet_tf.runs import checkpoint, provenance, run
from aquanet_tf.runs.initial import Initial
from aquanet_tf.runs.layout import CONFIG_FILE, FINISHED, FLAGS_FILE, HISTORY_FILE, RUN_FILE
from aquanet_tf.training import teachers

# What a run writes over, besides its config.json.
_WRITTEN = (FLAGS_FILE, RUN_FILE, HISTORY_FILE, FINISHED)


def prepare(config: Config, workdir: pathlib.Path, start: Initial | None = None) -> None:
    """Makes the workdir and writes config.json, flags.txt, run.json and, in stage 2, stage1.json.

    start: the weights of another run that this one starts with, for run.json.

    Raises ValueError for a workdir that was released or began with options that cannot change when
    a run is resumed, and for data that cannot be trained on; OSError when it cannot be written.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    if run.is_released(workdir):
        raise ValueError(
            f"--workdir={workdir}: a released run, which cannot be trained further; "
            f"choose another --workdir, and give --init_from={workdir} to start from it"
        )
    path = workdir / CONFIG_FILE
    if path.exists():
        _check_resumed(config, Config.load(path), workdir)
    elif foreign := [n for n in _WRITTEN if (workdir / n).exists()]:
        raise ValueError(
            f"--workdir={workdir}: holds {foreign[0]} but no {CONFIG_FILE}, so it is not that of a "
            "run; choose another --workdir"
        )
    data = _data(config)
    if checkpoint.begun(workdir) and (workdir / RUN_FILE).exists():
        _check_same_data(data, files.read(workdir / RUN_FILE).get("data", {}), workdir)
    teachers.remember_stage_one(config, workdir)
    config.save(path)
    lines = (f"--{name}={value}\n" for name, value in dataclasses.asdict(config).items())
    files.write_text(workdir / FLAGS_FILE, "".join(lines))
    record = {
        "command": sys.argv,
        "seed": config.seed,
        "commit": provenance.commit(),
        "versions": {
            "aquanet_tf": aquanet_tf.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
        "data": data,
    }
    if start is not None:
        record["init"] = start.record
    files.write(workdir / RUN_FILE, record)


def _check_same_data(now, before, workdir):
    """Raises ValueError when a run that has begun would go on with other records. Records that
    have moved are the same."""
    earlier, found = (
        ", ".join(
            f"{each.get('count')} triplets of {each.get('image_height')}x{each.get('image_width')}"
            for each in data.get("sets", [])
        )
        for data in (before, now)
    )
    close = np.allclose(before.get("focal", now["focal"]), now["focal"], rtol=1e-3)
    if earlier and (earlier != found or not close):
        camera_too = "" if close else ", of another camera"
        raise ValueError(
            f"--data_dir: the run in {workdir} has learned from {earlier}, here are {found}"
            f"{camera_too}; choose another --workdir, and --init_from={workdir} to start from it"
        )


def _check_resumed(config, before, workdir):
    """Raises ValueError when `before`, the options that the run has had, differ from `config` in
    one that is not resumable; logs the other differences."""
    before, now = dataclasses.asdict(before), dataclasses.asdict(config)
    different = [name for name in now if before[name] != now[name]]
    resumable = named(Config, resumable=True)
    if fixed := [name for name in different if name not in resumable]:
        was = ", ".join(f"--{name}={before[name]}" for name in fixed)
        raise ValueError(f"--workdir={workdir}: began with {was}; choose another --workdir")
    for name in sorted(different):
        logging.warning("resuming with --%s=%s, before %s", name, now[name], before[name])


def _data(config):
    """The entry `data` of run.json; see `runs.Run.data`."""
    sets = mixture.training_sets(config)
    first = sets[0]
    # Without random resizing the network knows one size only, that of the crop.
    whole = config.depth_scaling == "none"
    size = (
        (config.crop_height, config.crop_width)
        if whole
        else (first.info["image_height"], first.info["image_width"])
    )
    # Only where the run has one of its own: 0 is the rule of all runs before there was the flag.
    own = {"working_height": config.working_height} if config.working_height else {}
    if config.speed_weight > 0:
        own["metres_per_unit"] = 1.0
    return {
        "image_height": size[0],
        "image_width": size[1],
        **own,
        "focal": _focal(config, first),
        "triplets": sum(each.info["count"] for each in sets),
        "sets": [each.summary() for each in sets],
    }


def _focal(config, data_set):
    """[fx / width, fy / height] of the first record, whose K is resized to the crop's size: the
    numbers have the rounding of the batches."""
    manifest.verify(data_set.directory)
    height, width = config.crop_height, config.crop_width
    with tf.device("CPU"):  # as the input pipeline
        fields = records.parse(next(iter(tf.data.TFRecordDataset(data_set.files))))
        stored = [tf.cast(fields[name], tf.float32) for name in ("height", "width")]
        ratio_y, ratio_x = height / stored[0], width / stored[1]
        k = camera.resize_intrinsics(fields["intrinsics"], ratio_x, ratio_y).numpy()
    return [float(k[0, 0] / width), float(k[1, 1] / height)]
