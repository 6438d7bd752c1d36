"""Depth against ground truth under a stated protocol. NumPy only.

`protocol` says what counts (ground truth, Garg crop, cap, alignment), `alignment` brings relative
depth to meters, `metrics` computes the errors of one image, and `run` evaluates many.

    from aquanet_tf.evaluation import Protocol, depth_metrics

Uses: kitti, media.
"""

from aquanet_tf.evaluation.metrics import depth_metrics
from aquanet_tf.evaluation.protocol import Protocol

__all__ = ["Protocol", "depth_metrics"]
