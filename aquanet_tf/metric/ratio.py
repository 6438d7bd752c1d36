"""Meters per unit from depth that is known: lidar scans or annotated maps in the KITTI layout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aquanet_tf.evaluation import run
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.kitti import ground_truth
from aquanet_tf.media import images
from aquanet_tf.metric import summary


def measure(
    frames: list[ground_truth.Frame],
    depth: Callable[[np.ndarray], np.ndarray],
    protocol: Protocol,
) -> dict:
    """Meters per unit: the median of median(truth) / median(prediction) of each image.

    Args:
      frames: from `kitti.ground_truth.find_frames`.
      depth: function from an image, uint8 [H, W, 3], to its inverse depth [H, W], relative units.
      protocol: the pixels that count.

    Returns what `summary.summarize` does, which raises ValueError without a number.
    """
    methods = {"network": lambda frame: depth(images.read_image(frame.image))}
    rows = run.evaluate(frames, methods, protocol)["network"]["rows"]
    left_out = ["no ground truth under this protocol"] * (len(frames) - len(rows))
    what = "the ratio to the ground truth"
    return summary.summarize([row["ratio"] for row in rows], left_out, what)
