"""Adaptive quantization of inverse depth: beta -> levels -> expected inverse depth (Eq. 3-5).

Inverse depth d lies in [d_min, d_max], relative units; level n of N + 1 at a pixel with
parameter beta is d_n = d_max * exp(ln(d_max / d_min) * ((n / N)^beta - 1)), so that d_0 = d_min
and d_N = d_max for every beta > 0, and beta = 1 is the exponential scheme of FAL-Net.
"""

from __future__ import annotations

import functools
import math

import tensorflow as tf

# ln(0) of level 0, chosen so that exp(beta * it) is exactly 0 in float64 for every beta in use,
# while its product with that zero stays 0 (and not NaN) in the gradient.
_LOG_ZERO = -1e4


def log_fractions(levels, dtype=tf.float32):
    """ln(n / N) for n = 0..N, [levels] with N = levels - 1; a large negative number for n = 0."""
    last = levels - 1
    values = [_LOG_ZERO] + [math.log(n / last) for n in range(1, levels)]
    return tf.constant(values, dtype)


def level_from_log_fraction(beta, log_fraction, inverse_depth_min, inverse_depth_max):
    """Eq. 4 for one level: inverse depth of the shape of `beta` (broadcast with the fraction)."""
    span = math.log(inverse_depth_max / inverse_depth_min)
    return inverse_depth_max * tf.exp(span * (tf.exp(beta * log_fraction) - 1))


def inverse_depth_levels(beta, levels, inverse_depth_min, inverse_depth_max):
    """Levels d_0..d_N [..., levels] for beta [..., 1], ascending (far to near). Eq. 4.

    beta = 0.. is not allowed (the curve would be flat): the head keeps it in
    [1/beta_max, beta_max].
    """
    beta = tf.convert_to_tensor(beta)
    fractions = log_fractions(levels, beta.dtype)
    return level_from_log_fraction(beta, fractions, inverse_depth_min, inverse_depth_max)


def expected_inverse_depth(logits, beta, inverse_depth_min, inverse_depth_max):
    """sum_n d_n(p) softmax(logits)_n(p): logits [..., N+1], beta [..., 1] -> [..., 1]. Eq. 5.

    A single logit is a direct estimate without levels (`--head=direct`):
    d_min + (d_max - d_min) sigmoid(logit), whatever beta.
    """
    if logits.shape[-1] == 1:
        span = inverse_depth_max - inverse_depth_min
        return inverse_depth_min + span * tf.sigmoid(logits)
    levels = inverse_depth_levels(beta, logits.shape[-1], inverse_depth_min, inverse_depth_max)
    probability = tf.nn.softmax(logits, axis=-1)
    return tf.reduce_sum(levels * probability, axis=-1, keepdims=True)


class AdaptiveQuantization(tf.keras.layers.Layer):
    """(logits [B,H,W,N+1], beta [B,H,W,1]) -> inverse depth [B,H,W,1], always in float32.

    Args:
        inverse_depth_min, inverse_depth_max: the range [d_min, d_max], relative units.
    """

    def __init__(self, inverse_depth_min=0.005, inverse_depth_max=0.3, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.inverse_depth_min = inverse_depth_min
        self.inverse_depth_max = inverse_depth_max
        self.built = True  # no weights; Keras 3 refuses to distribute a model with unbuilt layers

    def call(self, logits, beta):
        # Its own gradient computes the levels anew: kept until then, they and what they are made
        # of would be five maps of the size of the logits.
        expected = tf.recompute_grad(
            functools.partial(
                expected_inverse_depth,
                inverse_depth_min=self.inverse_depth_min,
                inverse_depth_max=self.inverse_depth_max,
            )
        )
        return expected(tf.cast(logits, tf.float32), tf.cast(beta, tf.float32))

    def get_config(self):
        return {
            **super().get_config(),
            "inverse_depth_min": self.inverse_depth_min,
            "inverse_depth_max": self.inverse_depth_max,
        }
