"""Boosting loss (Eq. 12): boosted depth is the label where things move."""

from __future__ import annotations

import tensorflow as tf


def boosting_loss(inverse_depth, boosted_inverse_depth, static):
    """Eq. 12, [B]: mean over all pixels of (1 - M) |D - D*|, divided by max(D*).

    D is inverse depth (the paper's disparity). The mean is over all pixels, not over the moving
    ones: otherwise each of a few masked pixels would weigh more than a pixel of the synthesis loss.
    An image without moving pixels costs 0. D* and M get no gradient.

    Args:
        inverse_depth: D [B,H,W,1]; boosted_inverse_depth: D* of Eq. 8, [B,H,W,1].
        static: M [B,H,W,1], 1 static and 0 likely moving.
    """
    star = tf.stop_gradient(boosted_inverse_depth)
    moving = tf.stop_gradient(1.0 - static)
    error = tf.reduce_mean(moving * tf.abs(inverse_depth - star), axis=[1, 2, 3])
    return error / tf.reduce_max(star, axis=[1, 2, 3])


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class BoostingLoss(tf.keras.layers.Layer):
    """Boosting loss l_b (Eq. 12) as a layer: (D, D*, M) -> [B], see `boosting_loss`.

    >>> import tensorflow as tf
    >>> from aquanet_tf.losses import BoostingLoss
    >>> depth, star = tf.fill([1, 2, 2, 1], 0.25), tf.fill([1, 2, 2, 1], 0.5)
    >>> left_is_static = tf.constant([[[[1.0], [0.0]], [[1.0], [0.0]]]])
    >>> BoostingLoss()(depth, star, left_is_static).numpy()
    array([0.25], dtype=float32)
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.built = True  # no weights; Keras 3 refuses to distribute a model with unbuilt layers

    def call(self, inverse_depth, boosted_inverse_depth, static):
        return boosting_loss(inverse_depth, boosted_inverse_depth, static)
