"""Depth metrics while a run trains (--val_gt_dir): which epoch sees depth best?

Frames, protocol and arithmetic are those of `aquanet_tf.evaluate`, on some of the frames.
"""

from __future__ import annotations

import pathlib

import tensorflow as tf

from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.evaluation import eigen, metrics, shapes
from aquanet_tf.evaluation import run as evaluation_run
from aquanet_tf.evaluation.protocol import Protocol, valid_mask
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.media import images
from aquanet_tf.runs import Run
from aquanet_tf.runs.layout import RUN_FILE

COLUMNS = tuple(f"val_{name}" for name in metrics.METRICS)
_CAMERA = 2


def protocol(config: Config) -> Protocol:
    """Annotated depth without a crop, or raw scans in the Garg crop: Eigen's two protocols."""
    crop = "garg" if config.val_ground_truth == "velodyne" else "none"
    return Protocol(ground_truth=config.val_ground_truth, crop=crop)


def chosen_frames(config: Config) -> list:
    """The `kitti.ground_truth.Frame` that are measured, --val_gt_frames of the split; none
    without --val_gt_dir.

    Raises ValueError naming the flag, for missing files, ground truth of another shape, and a frame
    without any that counts.
    """
    if not config.val_gt_dir:
        return []
    if config.val_split in eigen.PROTOCOLS:
        raise ValueError(
            f"--val_split={config.val_split}: a checkpoint chosen on the frames that are reported "
            "would look better than it is; name a split file of others"
        )
    try:
        frames, _ = eigen.evaluated_frames(
            config.val_gt_dir, config.val_split, _CAMERA, config.val_ground_truth
        )
    except ValueError as error:
        text = str(error).replace("--split=", "--val_split=")
        text = text.replace("the other --ground_truth or --camera", "another --val_ground_truth")
        raise ValueError(f"--val_gt_dir={config.val_gt_dir}: {text}") from error
    count = min(config.val_gt_frames or len(frames), len(frames))
    frames = [frames[(2 * i + 1) * len(frames) // (2 * count)] for i in range(count)]
    shapes.check(frames)
    measured = protocol(config)
    for frame in frames:
        if not valid_mask(frame.depth(), measured).any():
            raise ValueError(
                f"--val_gt_dir={config.val_gt_dir}: {frame.truth}: no ground truth is left under "
                f"the protocol ({measured.line()}); leave the frame out of --val_split"
            )
    return frames


class DepthMetrics(tf.keras.callbacks.Callback):
    """Adds the means of the seven metrics to the logs of an epoch, as val_abs_rel, ...

    Put it before the callbacks that write the logs.

    Args:
        config: of the run; workdir: its directory, with run.json.
        frames: of `chosen_frames`.
    """

    def __init__(self, config: Config, workdir: str | pathlib.Path, frames: list):
        super().__init__()
        self.config = config
        self.data = files.read(pathlib.Path(workdir) / RUN_FILE)["data"]
        self.frames = frames
        self._predictor = None

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.config.epochs
        if logs is None or not (last or (epoch + 1) % self.config.val_gt_every == 0):
            return
        if self._predictor is None:
            network = self.model.used_networks.aquanet
            self._predictor = Predictor(Run(self.config, network, epoch + 1, self.data))
        result = evaluation_run.evaluate(
            self.frames, {"network": self._inverse_depth}, protocol(self.config)
        )
        means = result["network"]["means"]["all"]
        logs.update({f"val_{name}": means[name] for name in metrics.METRICS})

    def _inverse_depth(self, frame):
        return self._predictor.relative(images.read_image(frame.image)).inverse_depth
