"""TODO docstring of aquanet_tf.losses.boosting."""

from __future__ import annotations

import tensorflow as tf


def boosting_loss(inverse_depth, boosted_inverse_depth, static):
    """Eq. 12, [B]: mean over all pixels of (1 - M) |D - D*|, divided by max(D*).

    Not divided by the share of moving pixels, unlike the photometric loss: so have the authors'
    earlier networks the loss of this form, and a few masked pixels would otherwise weigh more each
    than any pixel with a picture to explain (static abs rel 0.393 and not 0.351 on the street,
    header of configs/street/ablation.flags). An image without moving pixels costs 0. D* and the
    mask get no gradient.
    """
    star = tf.stop_gradient(boosted_inverse_depth)
    moving = tf.stop_gradient(1.0 - static)
    error = tf.reduce_mean(moving * tf.abs(inverse_depth - star), axis=[1, 2, 3])
    return error / tf.reduce_max(star, axis=[1, 2, 3])
