"""What a workdir says of its run before the first step: options, versions, commit, data."""

from __future__ import annotations

import dataclasses
import pathlib
import platform
import sys

import tensorflow as tf
from absl import logging

import aquanet_tf
from aquanet_tf import files
from aquanet_tf.config.options import Config
from aquanet_tf.data import mixture, pipeline
from aquanet_tf.runs import provenance, run
from aquanet_tf.runs.layout import CONFIG_FILE, RUN_FILE
from aquanet_tf.training import teachers

# Options that may change when a run goes on: they alter neither networks nor losses nor batches.
MAY_CHANGE = {
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
    "strategy",
    "panels_every",
    "keep_checkpoints",
    "collapse",
    "warp_impl",
    "vgg19_weights",
    "encoder_weights",
}


def prepare(options: Config, workdir: pathlib.Path) -> None:
    """Makes the workdir and writes what the run is: config.json, flags.txt, run.json, and for stage
    2 stage1.json. Raises ValueError for a workdir that began with other options or was released,
    and for data that cannot be trained on; OSError when it cannot be written.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    if run.is_released(workdir):
        raise ValueError(
            f"--workdir={workdir}: a released run, the depth network alone, with which no training "
            "can go on; choose another --workdir"
        )
    path = workdir / CONFIG_FILE
    if path.exists():
        before, now = (dataclasses.asdict(c) for c in (Config.load(path), options))
        changed = [n for n in now if before[n] != now[n] and n not in MAY_CHANGE]
        if changed:
            was = ", ".join(f"--{name}={before[name]}" for name in changed)
            raise ValueError(f"--workdir={workdir}: began with {was}; choose another --workdir")
        for name in sorted(n for n in now if before[n] != now[n]):
            logging.warning("going on with --%s=%s, before %s", name, now[name], before[name])
    teachers.remember_stage_one(options, workdir)
    options.save(path)
    lines = (f"--{name}={value}\n" for name, value in dataclasses.asdict(options).items())
    (workdir / "flags.txt").write_text("".join(lines))
    sets = mixture.training_sets(options)
    first = sets[0]
    sample = next(iter(pipeline.validation_dataset(options, str(first.directory))))
    k = sample["intrinsics"][0].numpy()
    # Without resizing the network knows one size only, that of the crop.
    whole = options.depth_scaling == "none"
    size = (
        (options.crop_height, options.crop_width)
        if whole
        else (first.info["image_height"], first.info["image_width"])
    )
    focal = [float(k[0, 0] / options.crop_width), float(k[1, 1] / options.crop_height)]
    record = {
        "command": sys.argv,
        "seed": options.seed,
        "commit": provenance.commit(),
        "versions": {
            "aquanet_tf": aquanet_tf.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
        "data": {
            "image_height": size[0],
            "image_width": size[1],
            "focal": focal,
            "triplets": sum(each.info["count"] for each in sets),
            "sets": [each.summary() for each in sets],
        },
    }
    files.write(workdir / RUN_FILE, record)
