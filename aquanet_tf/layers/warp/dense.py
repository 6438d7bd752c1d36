"""Eq. 1 and 2 to read: the forward warp with all levels in memory, gigabytes at full size.

The tests hold the other implementations to this one.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import bilinear
from aquanet_tf.layers.warp.levels import MASKED, ForwardWarp


def warp(target, planes, levels, sample=bilinear.bilinear_sample):
    """`ForwardWarp` of a `Target`; arguments as `forward.forward_warp`.

    sample: the bilinear sampler, with the arguments and results of the default.
    """
    image, logits, beta, masks = target
    coordinates, valid = planes.coordinates(*logits.shape[1:3]).of_levels(beta, levels)
    source, channels = tf.concat([image, masks], axis=-1), image.shape[-1]
    mix, occlusion, _ = composite(source, logits, coordinates, valid, sample)
    return ForwardWarp(mix[..., :channels], occlusion, tf.stop_gradient(mix[..., channels:]))


def composite(image, logits, coordinates, valid=None, sample=bilinear.bilinear_sample):
    """The view as a weighted sum of the sampled planes (Eq. 1), weights from Eq. 2.

    Args:
        image: [B,H,W,C]; logits: [B,H,W,N+1]; both of the target view.
        coordinates: [B,h,w,N+1,2] pixel coordinates in the target image, one for each level.
        valid: optional [B,h,w,N+1] bool; False takes a sample out.
        sample: the bilinear sampler, with the arguments and results of the default.

    Returns:
        (view [B,h,w,C], occlusion [B,h,w,1], weights [B,h,w,N+1]); weights are zero where no level
        is seen. The occlusion has no gradient.
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
    weights = tf.nn.softmax(tf.stack(scores, axis=-1), axis=-1)  # Eq. 2
    weights = tf.where(seen, weights, tf.zeros_like(weights))
    view = tf.reduce_sum(weights[..., None] * tf.stack(colors, axis=-2), axis=-2)  # Eq. 1
    occlusion = tf.minimum(tf.reduce_sum(tf.stack(mass, axis=-1), axis=-1, keepdims=True), 1.0)
    return view, tf.stop_gradient(occlusion), weights


def _masked(like):
    return tf.constant(MASKED, like.dtype)
