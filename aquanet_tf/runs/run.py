"""A workdir as networks with restored weights: `load_run`."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from typing import Any

import tensorflow as tf

from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.networks import build
from aquanet_tf.networks.aquanet import AQUANet
from aquanet_tf.networks.posenet import PoseNet
from aquanet_tf.runs import best
from aquanet_tf.runs import checkpoint as runs_checkpoint
from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.runs.layout import CONFIG_FILE, FINISHED, RUN_FILE


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained depth network and what is known of its training.

    Attributes:
        config: options of the training.
        aquanet: the depth network with restored weights; with --ema the averaged ones.
        epoch: finished epochs.
        data: image_height, image_width (pixels: those of the stored training images, or of the crop
            for depth_scaling=none), focal (fx / width, fy / height), working_height where the run
            has one of its own, and metres_per_unit where it was trained in meters.
        posenet_checkpoint: the checkpoint with PoseNet's weights; None where there is the depth
            network alone, as in most released runs (`export.release`).
    """

    config: Config
    aquanet: AQUANet
    epoch: int
    data: dict[str, Any]
    posenet_checkpoint: str | None = None

    @functools.cached_property
    def posenet(self) -> PoseNet:
        """The ego-motion network, restored on first use: predictions never need it.

        Raises ValueError for a run that holds the depth network alone, and when the checkpoint is
        gone or damaged.
        """
        if self.posenet_checkpoint is None:
            raise ValueError(
                "this needs the ego-motion network, which this released run does not hold: give "
                "the workdir of the training that it was released from, or release that again with "
                "export.release --with_posenet"
            )
        posenet = build.build_pose_network(_full_precision(self.config))
        workdir = pathlib.Path(self.posenet_checkpoint).parents[1]
        _restore(workdir, "posenet", posenet, self.posenet_checkpoint)
        return posenet

    def one_pass(self) -> Run:
        """This run without --grid_shift: its depth has the unit that ego-motion fits."""
        return self.with_grid_shift(0.0)

    def with_grid_shift(self, grid_shift: float) -> Run:
        """This run with another --grid_shift. Raises ValueError for a bad one."""
        config = dataclasses.replace(self.config, grid_shift=grid_shift)
        return dataclasses.replace(self, config=config)

    @property
    def working_height(self) -> int:
        """Height in pixels that the network works at where nothing else is asked for: that of
        --working_height, or of the training images."""
        return self.data.get("working_height") or self.data["image_height"]

    def metres_per_unit(self, height: int) -> float | None:
        """Meters of one unit of depth when the network works at `height` pixels; None: unknown.

        A run with --speed_weight knows it at the height of its training images alone, and without
        --grid_shift: how depth changes with the size of an image is learned only roughly.
        """
        known = height == self.data["image_height"] and not self.config.grid_shift
        return self.data.get("metres_per_unit") if known else None

    @property
    def working_width(self) -> int:
        """Width in pixels of a training image at the working height."""
        return round(self.data["image_width"] * self.working_height / self.data["image_height"])


def load_run(
    workdir: str | pathlib.Path,
    flag: str = "workdir",
    checkpoint: str = "newest",
    grid_shift: float | None = None,
) -> Run:
    """Loads a checkpoint of a finished epoch, of a run with --ema the averaged weights.

    flag: the flag that named the workdir, for messages.
    checkpoint: newest, best, or a number of finished epochs, see `best.find`.
    grid_shift: instead of the run's own --grid_shift; None: its own.

    Raises ValueError naming the workdir or file that is missing or damaged, or a bad grid shift.
    """
    workdir = pathlib.Path(workdir)
    if not workdir.is_dir():
        what = "a file, not the directory of a run" if workdir.exists() else "no such directory"
        raise ValueError(f"--{flag}={workdir}: {what}")
    config = Config.load(workdir / CONFIG_FILE)
    if grid_shift is not None:
        config = dataclasses.replace(config, grid_shift=grid_shift)
    try:
        data = files.read(workdir / RUN_FILE)["data"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{workdir / RUN_FILE}: missing or damaged ({error})") from error
    aquanet = build.build_depth_network(_full_precision(config))
    path = best.find(workdir, checkpoint, flag)
    epoch = _restore(workdir, "aquanet", aquanet, path).epoch
    return Run(
        config, aquanet, epoch, data, path if runs_checkpoint.holds(path, "posenet") else None
    )


def is_released(workdir: str | pathlib.Path) -> bool:
    """Whether `export.release` wrote the workdir: the depth network without PoseNet, enough for
    predictions and exports, but not for training."""
    workdir = pathlib.Path(workdir)
    try:
        if files.read(workdir / RUN_FILE).get("released"):
            return True
    except (OSError, ValueError):
        pass  # no run yet, or a damaged file, which load_run names
    # Runs released by earlier versions do not say so: look for PoseNet's weights.
    found = runs_checkpoint.complete(workdir / FINISHED)
    path = max(found, key=runs_checkpoint.position, default=None)
    try:
        return path is not None and not runs_checkpoint.holds(path, "posenet")
    except (ValueError, IndexError, tf.errors.OpError):
        return False  # a damaged checkpoint, which restoring it will name


def _restore(workdir, name, network, path):
    """Restores the weights that `network` is used with, from the checkpoint `path`; the position of
    that checkpoint. With --ema these are averages; the others stay in the checkpoint."""
    used = runs_checkpoint.used_name(path, name)
    return Checkpoints(workdir, {used: network}, {}).restore_from(path)


def _full_precision(config: Config) -> Config:
    """`config` for use after training: half precision speeds up training on some machines, a
    loaded network may run on any."""
    return dataclasses.replace(config, mixed_precision="off")
