"""TODO docstring of aquanet_tf.runs.run."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import tensorflow as tf

from aquanet_tf import files
from aquanet_tf.config.options import Config
from aquanet_tf.networks import build
from aquanet_tf.networks.aquanet import AQUANet
from aquanet_tf.networks.posenet import PoseNet
from aquanet_tf.runs import checkpoint
from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.runs.layout import CONFIG_FILE, FINISHED, RUN_FILE


@dataclasses.dataclass(frozen=True)
class Run:
    """A loaded workdir: networks with restored weights, what they were trained with and on.

    ego_motion: None for a released run (`export.release`), which holds the depth network alone.
    data: image_height, image_width (pixels the network works at: those of the stored training
        images, or of the crop for depth_scaling=none) and focal (fx / width, fy / height).
    """

    config: Config
    aquanet: AQUANet
    ego_motion: PoseNet | None
    epoch: int
    data: dict[str, Any]

    @property
    def posenet(self) -> PoseNet:
        """The ego-motion network. ValueError for a released run."""
        if self.ego_motion is None:
            raise ValueError(
                "this needs the ego-motion network, which a released run does not hold: give the "
                "workdir of the training that it was released from"
            )
        return self.ego_motion


def load_run(workdir):
    """Loads the newest checkpoint of `workdir` as a `Run`.

    Raises ValueError naming the workdir or file that is missing or damaged.
    """
    workdir = pathlib.Path(workdir)
    if not workdir.is_dir():
        raise ValueError(f"--workdir={workdir}: no such directory")
    config = Config.load(workdir / CONFIG_FILE)
    try:
        data = files.read(workdir / RUN_FILE)["data"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{workdir / RUN_FILE}: missing or damaged ({error})") from error
    # Half precision is for the speed of training; what is loaded may run anywhere.
    full = dataclasses.replace(config, mixed_precision="off")
    networks = {"aquanet": build.build_depth_network(full)}
    if not is_released(workdir):
        networks["posenet"] = build.build_pose_network(full)
    position = Checkpoints(workdir, networks, {}).restore(unfinished=False)
    if position is None:
        raise ValueError(f"--workdir={workdir}: no checkpoint yet; has a first epoch finished?")
    return Run(config, networks["aquanet"], networks.get("posenet"), position.epoch, data)


def is_released(workdir):
    """Whether the newest checkpoint of a finished epoch is one that `export.release` wrote: the
    depth network without PoseNet, with which predictions and exports work, and training not."""
    path = max(
        checkpoint.complete(pathlib.Path(workdir) / FINISHED), key=checkpoint.position, default=None
    )
    try:
        names = [name for name, _ in tf.train.list_variables(path)] if path else ["posenet/"]
    except (ValueError, IndexError, tf.errors.OpError):
        return False  # damaged, as restoring it will say
    return not any(name.startswith("posenet/") for name in names)
