"""Adaptive quantization of inverse depth (the paper's disparity): Eq. 3, 4 and 5.

A network gives each pixel N + 1 logits and one parameter beta. Eq. 4 turns beta into the levels

    d_n = d_max * exp(ln(d_max / d_min) * ((n / N)^beta - 1)),    n = 0..N,

in relative units: d_0 = d_min and d_N = d_max for every beta > 0, and beta = 1 is FAL-Net's fixed
exponential quantization. Eq. 5 is the expected level under the softmax of the logits; with levels
that are the same for all pixels it is Eq. 3.

This has nothing to do with int8 quantization of a network (`export.tflite --quantize`). A network
without levels (`--head=direct`) is decoded by `networks.estimate.decode`.
"""

from __future__ import annotations

import functools
import math

import tensorflow as tf

# Stands for ln(0) of level 0: finite, so that the gradient is not NaN, and so small that
# exp(beta * _LOG_ZERO) is exactly 0 in float64 for every beta in use.
_LOG_ZERO = -1e4


def log_fractions(levels, dtype=tf.float32):
    """ln(n / N) for n = 0..N, [levels] with N = levels - 1; a large negative number for n = 0."""
    last = levels - 1
    values = [_LOG_ZERO] + [math.log(n / last) for n in range(1, levels)]
    return tf.constant(values, dtype)


def level_from_log_fraction(beta, log_fraction, inverse_depth_min, inverse_depth_max):
    """Eq. 4 for one level: inverse depth, broadcast from `beta` and ln(n / N)."""
    span = math.log(inverse_depth_max / inverse_depth_min)
    return inverse_depth_max * tf.exp(span * (tf.exp(beta * log_fraction) - 1))


def inverse_depth_levels(beta, levels, inverse_depth_min, inverse_depth_max):
    """Eq. 4: levels d_0..d_N [..., levels] for beta [..., 1], ascending (far to near).

    beta must be above 0; the network keeps it in [1/beta_max, beta_max].
    """
    beta = tf.convert_to_tensor(beta)
    fractions = log_fractions(levels, beta.dtype)
    return level_from_log_fraction(beta, fractions, inverse_depth_min, inverse_depth_max)


def expected_inverse_depth(logits, beta, inverse_depth_min, inverse_depth_max):
    """Eq. 5: sum_n d_n(p) softmax(logits)_n(p) for every pixel p.

    logits: [..., N+1]; beta: [..., 1]. Returns inverse depth [..., 1].
    """
    levels = inverse_depth_levels(beta, logits.shape[-1], inverse_depth_min, inverse_depth_max)
    probability = tf.nn.softmax(logits, axis=-1)
    return tf.reduce_sum(levels * probability, axis=-1, keepdims=True)


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class AdaptiveQuantization(tf.keras.layers.Layer):
    """Logits and beta to inverse depth (Eq. 5), always in float32.

    Args:
        inverse_depth_min, inverse_depth_max: range of the levels [d_min, d_max], relative units.

    Call arguments: logits [B,H,W,N+1], beta [B,H,W,1]. Returns inverse depth [B,H,W,1].

    Example:

    >>> import tensorflow as tf
    >>> logits = tf.random.normal([1, 4, 6, 33])
    >>> beta = tf.ones([1, 4, 6, 1])  # the exponential levels of FAL-Net
    >>> inverse_depth = AdaptiveQuantization(0.005, 0.3)(logits, beta)
    >>> tuple(inverse_depth.shape)
    (1, 4, 6, 1)
    """

    def __init__(self, inverse_depth_min=0.005, inverse_depth_max=0.3, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.inverse_depth_min = inverse_depth_min
        self.inverse_depth_max = inverse_depth_max
        self.built = True  # no weights; Keras 3 refuses to distribute a model with unbuilt layers

    def call(self, logits, beta):
        # The gradient computes the levels anew: kept until then, they and their intermediates
        # would be five maps of the size of the logits.
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
