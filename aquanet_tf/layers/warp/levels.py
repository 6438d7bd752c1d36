"""What goes into a forward warp and what comes out; `planes.Planes` is the rest of the input."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

# A logit that never wins a softmax: finite, so that nothing becomes NaN.
MASKED = -1e9


class Levels(NamedTuple):
    """The inverse-depth levels d_0..d_N of Eq. 4 (see `quantization`): how many, and their range.

    count: N + 1, at least 2; inverse_depth_min, inverse_depth_max: d_min and d_max, relative units.
    """

    count: int
    inverse_depth_min: float = 0.005
    inverse_depth_max: float = 0.3


class Target(NamedTuple):
    """Maps of the target view, which a forward warp moves into a reference view.

    image: [B,H,W,C]; logits: [B,H,W,N+1]; beta: [B,H,W,1]; all float32 or all float64.
    masks: [B,H,W,M], maps that are moved with the same weights as the image; None for no such map.
    """

    image: tf.Tensor
    logits: tf.Tensor
    beta: tf.Tensor
    masks: tf.Tensor | None = None


class ForwardWarp(NamedTuple):
    """What a forward warp returns, all in the reference view.

    view: [B,H,W,C] synthesized image (Eq. 1), zero where no level is seen.
    occlusion: [B,H,W,1] in [0,1], no gradient: how much of the target is seen at the pixel.
    masks: [B,H,W,M], no gradient: the target's masks moved with the same weights.
    """

    view: tf.Tensor
    occlusion: tf.Tensor
    masks: tf.Tensor
