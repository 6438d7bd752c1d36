"""Depth smoothness loss l_ds of Eq. 10: depth may change where the image does."""

from __future__ import annotations

import tensorflow as tf


def smoothness(inverse_depth, image, edge=1.0):
    """Edge-aware smoothness of mean-normalized inverse depth (the paper's disparity), [B].

    mean |d_x D*| exp(-edge |d_x I|) + the same for y, with D* = D / mean(D) and |d I| the mean over
    channels. Only differences between two pixels of the image count: zero padding would charge the
    border |D| itself and pull it to zero.

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


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class SmoothnessLoss(tf.keras.layers.Layer):
    """Depth smoothness loss l_ds (Eq. 10) as a layer: (D, image) -> [B], see `smoothness`.

    Args:
        edge: sharpness of the edge weight.

    >>> import tensorflow as tf
    >>> from aquanet_tf.losses import SmoothnessLoss
    >>> wall, image = tf.fill([2, 4, 6, 1], 0.1), tf.zeros([2, 4, 6, 3])
    >>> SmoothnessLoss()(wall, image).numpy()
    array([0., 0.], dtype=float32)
    """

    def __init__(self, edge=1.0, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.edge = edge
        self.built = True  # no weights; Keras 3 refuses to distribute a model with unbuilt layers

    def call(self, inverse_depth, image):
        return smoothness(inverse_depth, image, self.edge)

    def get_config(self):
        return {**super().get_config(), "edge": self.edge}


def _difference(value, axis):
    if axis == 1:
        return value[:, 1:] - value[:, :-1]
    return value[:, :, 1:] - value[:, :, :-1]
