"""One synthesized view and its weight in the loss, by forward or by backward warping.

Forward (AQUANet): the target as seen from a reference, compared with that reference; occlusion
masks O follow from the logits. Backward (DIRNet-BW): a reference looked up at the target's depth,
compared with the target.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from aquanet_tf.layers import backward_warp


class Depth(NamedTuple):
    """Of the target: logits [B,H,W,N+1], beta [B,H,W,1], inverse depth (the paper's disparity)
    [B,H,W,1] in relative units."""

    logits: tf.Tensor
    beta: tf.Tensor
    inverse_depth: tf.Tensor


class Masks(NamedTuple):
    """Static masks M, 1 static and 0 likely moving: target [B,H,W,1], references [B,2,H,W,1]."""

    target: tf.Tensor
    references: tf.Tensor


class View(NamedTuple):
    """A synthesized image and the image it should be, [B,H,W,3]; `seen` [B,H,W,1] is the part of it
    that the other frame shows (O), `weight` [B,H,W,1] its weight in the loss (W of Eq. 11)."""

    image: tf.Tensor
    truth: tf.Tensor
    seen: tf.Tensor
    weight: tf.Tensor


def forward_view(warp, batch, c, depth, motion, masks=None):
    """The target seen from reference c. W_c = O_c, with masks O_c * M_c * M_{0->c}.

    Args:
        warp: AdaptiveForwardWarp.
        batch: of `data.pipeline`; depth: `Depth`; masks: `Masks` or None.
        motion: (R, t) of T_{target -> reference c}, [B,3,3] and [B,3].
    """
    k = batch["intrinsics"]
    target_mask = None if masks is None else masks.target
    image, seen, projected = warp(
        batch["target"], depth.logits, depth.beta, motion, k, k, target_mask
    )
    weight = seen if masks is None else seen * masks.references[:, c] * projected
    return View(image, batch["references"][:, c], seen, weight)


def backward_view(batch, c, depth, motion, masks=None):
    """The target synthesized from reference c. W = inside the reference, with masks * M_0 *
    M_{c->0}; arguments as `forward_view`.

    M_c is warped to the target by the same depth and motion, without gradient.
    """
    k = batch["intrinsics"]

    def warped(reference):
        return backward_warp.backward_warp(reference, depth.inverse_depth, *motion, k, k)

    image, inside = warped(batch["references"][:, c])
    seen = weight = tf.cast(inside, tf.float32)
    if masks is not None:
        projected = tf.stop_gradient(warped(masks.references[:, c])[0])
        weight = seen * masks.target * projected
    return View(image, batch["target"], seen, weight)
