"""Two predictions that ignore the image, to compare a network with: `constant` and `ramp`.

`constant` is the same depth everywhere. `ramp` is a flat road that ends at a wall: inverse depth
max(v - horizon, H / 5) at row v of an image of H rows, where the horizon is the row of the
principal point in the calibration (a level camera). Without the wall everything above the horizon
would be infinitely far away, and in streets with houses the ramp would be worse than the constant.
H / 5 is close to the best choice on KITTI and on the synthetic street, which makes the ramp a
baseline worth beating. Both are in relative units and are aligned as the network is.
"""

from __future__ import annotations

import numpy as np

from aquanet_tf.kitti import ground_truth
from aquanet_tf.kitti import layout as kitti_layout


def constant_baseline(frame: ground_truth.Frame) -> np.ndarray:
    """Inverse depth 1 everywhere, [H, W]."""
    return np.ones(kitti_layout.image_shape(frame.drive.calibration, frame.camera))


def ramp_baseline(frame: ground_truth.Frame) -> np.ndarray:
    """Inverse depth max(v - horizon, H / 5) at row v, [H, W]."""
    height, width = kitti_layout.image_shape(frame.drive.calibration, frame.camera)
    rows = np.maximum(np.arange(height) - frame.horizon((height, width)), height / 5)
    return np.repeat(rows[:, None], width, axis=1)


BASELINES = {"constant": constant_baseline, "ramp": ramp_baseline}
