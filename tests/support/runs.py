"""Writes the workdir of a run with random weights and a few thousand parameters."""

import json
import pathlib

import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.networks import build
from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.runs.layout import CONFIG_FILE, RUN_FILE


def write(workdir, height=32, width=96, epoch=2, **options) -> pathlib.Path:
    """Writes config.json, run.json and a checkpoint of newly initialized networks; returns workdir.

    Args:
        height, width: size of the training images, pixels.
        epoch: number of the checkpoint.
        options: of Config.
    """
    workdir = pathlib.Path(workdir)
    workdir.mkdir(parents=True)
    config = Config(width=0.1, pose_network_width=0.1, levels=5, **options)
    config.save(workdir / CONFIG_FILE)
    data = {"image_height": height, "image_width": width, "focal": [0.5, 1.5]}
    (workdir / RUN_FILE).write_text(json.dumps({"data": data}))
    # The same weights in every session: errors of quantized models depend on them.
    tf.keras.utils.set_random_seed(1)
    aquanet, posenet = build.build_networks(config)
    state = Checkpoints(workdir, {"aquanet": aquanet, "posenet": posenet}, {})
    state.save(epoch)
    return workdir


def in_meters(workdir) -> pathlib.Path:
    """Makes the record of a run that of one trained with --speed_weight; returns workdir."""
    path = pathlib.Path(workdir) / RUN_FILE
    record = json.loads(path.read_text())
    record["data"]["metres_per_unit"] = 1.0
    path.write_text(json.dumps(record))
    return pathlib.Path(workdir)
