"""TODO docstring of aquanet_tf.evaluation.baselines."""

from __future__ import annotations

import numpy as np

from aquanet_tf.kitti import ground_truth
from aquanet_tf.kitti import layout as kitti_layout


def constant_baseline(frame: ground_truth.Frame) -> np.ndarray:
    """Inverse depth 1 everywhere, [H, W]."""
    return np.ones(kitti_layout.image_shape(frame.drive.calibration, frame.camera))


def ramp_baseline(frame: ground_truth.Frame) -> np.ndarray:
    """A flat road that ends at a wall, [H, W]: inverse depth max(v - horizon, H / 5)."""
    height, width = kitti_layout.image_shape(frame.drive.calibration, frame.camera)
    rows = np.maximum(np.arange(height) - frame.horizon((height, width)), height / 5)
    return np.repeat(rows[:, None], width, axis=1)


BASELINES = {"constant": constant_baseline, "ramp": ramp_baseline}
