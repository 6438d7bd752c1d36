"""TODO docstring of aquanet_tf.layers.warp.levels."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

MASKED = -1e9


class LevelSpec(NamedTuple):
    """Static description of the levels: count N + 1, range, and how beta is looked up."""

    levels: int
    inverse_depth_min: float
    inverse_depth_max: float
    fixed_point: bool


class ForwardWarp(NamedTuple):
    """What a forward warp returns, all in the reference view.

    view: [B,H,W,C] synthesized image (Eq. 1), zero where no level is seen.
    occlusion: [B,H,W,1] in [0,1], no gradient: how much of the target is seen at the pixel.
    masks: [B,H,W,M], no gradient: the given target-view maps projected with the same weights.
    """

    view: tf.Tensor
    occlusion: tf.Tensor
    masks: tf.Tensor
