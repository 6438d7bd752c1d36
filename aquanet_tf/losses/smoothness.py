"""TODO docstring of aquanet_tf.losses.smoothness."""

from __future__ import annotations

import tensorflow as tf


def smoothness(inverse_depth, image, edge=1.0):
    """Edge-aware smoothness of the mean-normalized inverse depth, valid differences only.

    mean |d_x D*| exp(-edge |d_x I|) + the same for y, with D* = D / mean(D) and |d I| the mean over
    channels. Zero-padded differences would charge the border |D| itself and pull it to zero.

    Args:
        inverse_depth: [B,H,W,1]; image: [B,H,W,3]; edge: sharpness of the edge weight.
    """
    mean = tf.reduce_mean(inverse_depth, axis=[1, 2, 3], keepdims=True)
    d = inverse_depth / (mean + 1e-7)
    total = 0.0
    for axis in (1, 2):
        step, edges = _difference(d, axis), _difference(image, axis)
        weight = tf.exp(-edge * tf.reduce_mean(tf.abs(edges), axis=-1, keepdims=True))
        total += tf.reduce_mean(tf.abs(step) * weight, axis=[1, 2, 3])
    return total


def _difference(value, axis):
    if axis == 1:
        return value[:, 1:] - value[:, :-1]
    return value[:, :, 1:] - value[:, :, :-1]
