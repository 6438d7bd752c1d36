"""TODO docstring of aquanet_tf.layers.warp.dense."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import bilinear
from aquanet_tf.layers.warp.levels import MASKED


def composite(image, logits, coordinates, valid=None, sample=bilinear.bilinear_sample):
    """Dense compositing from given sampling coordinates (Eq. 1 and 2). Gigabytes at full size.

    Args:
        image: [B,H,W,C]; logits: [B,H,W,N]; both of the target view.
        coordinates: [B,h,w,N,2] pixel coordinates in the target image, one for each level.
        valid: optional [B,h,w,N] bool; False takes a sample out.
        sample: the bilinear sampler, with the arguments and results of the default.

    Returns:
        (view [B,h,w,C], occlusion [B,h,w,1], weights [B,h,w,N]); weights are Eq. 2, zero where
        no level is seen.
    """
    probability = tf.nn.softmax(logits, axis=-1)
    scores, colors, mass, seen = [], [], [], []
    for n in range(logits.shape[-1]):
        source = tf.concat([logits[..., n : n + 1], probability[..., n : n + 1], image], axis=-1)
        values, inside = sample(source, coordinates[..., n, 0], coordinates[..., n, 1])
        ok = inside[..., 0] if valid is None else inside[..., 0] & valid[..., n]
        scores.append(tf.where(ok, values[..., 0], tf.fill(tf.shape(ok), _masked(logits))))
        mass.append(tf.where(ok, values[..., 1], tf.zeros_like(values[..., 1])))
        colors.append(values[..., 2:])
        seen.append(ok)
    seen = tf.stack(seen, axis=-1)
    weights = tf.nn.softmax(tf.stack(scores, axis=-1), axis=-1)
    weights = tf.where(seen, weights, tf.zeros_like(weights))
    view = tf.reduce_sum(weights[..., None] * tf.stack(colors, axis=-2), axis=-2)
    occlusion = tf.minimum(tf.reduce_sum(tf.stack(mass, axis=-1), axis=-1, keepdims=True), 1.0)
    return view, tf.stop_gradient(occlusion), weights


def _masked(like):
    """A logit that never wins a softmax, finite so that nothing becomes NaN."""
    return tf.constant(MASKED, like.dtype)
