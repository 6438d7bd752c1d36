"""Depth of evaluated frames in meters, aligned as it was measured, for reports and figures."""

from __future__ import annotations

import numpy as np

from aquanet_tf.evaluation import alignment
from aquanet_tf.evaluation import protocol as evaluation_protocol
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.media import images

_NEAR_PERCENTILE = 97  # of the ground truth shown: this inverse depth gets the brightest color


def maps(frame, row: dict, network, protocol: Protocol) -> dict:
    """What is drawn of a frame.

    Args:
      frame: ground_truth.Frame.
      row: its row in the evaluation.
      network: inference.network.Network with the scale of the evaluation, see
        `inference.checkpoint.as_evaluated`.
      protocol: of the evaluation.

    Returns "key", "row", "image" and maps [H, W]: "predicted" and "truth" (inverse depth in
    1 / meters), "error" (relative, of depth), "valid", "beta" and "moving" (None without a motion
    mask).
    """
    image, gt = images.read_image(frame.image), frame.depth()
    prediction = network(image)
    inverse = alignment.resize_bilinear(prediction.inverse_depth, *gt.shape)
    depth = alignment.aligned_depth(inverse, row["scale"], row["shift"], protocol)
    valid = evaluation_protocol.valid_mask(gt, protocol)
    safe = np.where(valid, gt, 1.0)
    return {
        "key": frame.key,
        "row": row,
        "image": image,
        "moving": frame.moving(gt.shape),
        "predicted": 1.0 / depth,
        "truth": 1.0 / safe,
        "error": np.abs(gt - depth) / safe,
        "valid": valid,
        "beta": prediction.beta,
    }


def nearest(drawn: list[dict]) -> float:
    """Upper end of the common color range of `maps`, 1 / meters, from their ground truth."""
    nearness = np.concatenate([each["truth"][each["valid"]] for each in drawn])
    return float(np.percentile(nearness, _NEAR_PERCENTILE))
