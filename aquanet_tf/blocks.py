"""Building blocks of every network: one convolution, one residual block, one upsampling.

All weights of the project live in `Conv`, so that padding, precision and names are decided once.
"""

from __future__ import annotations

import tensorflow as tf


class Conv(tf.keras.layers.Layer):
    """3x3 or 1x1 convolution, padded by the same amount on every side, with optional ELU.

    Keras' padding="same" with stride 2 pads only right and bottom on even sizes, which shifts the
    features by half a pixel at every scale; here an input of n rows gives ceil(n / stride) rows,
    row i centred on input row stride * i.

    Args:
        filters: output channels.
        size: kernel size, odd.
        stride: 1 or 2.
        elu: apply ELU to the result.
        use_bias: add a bias.
        stddev: None for He-normal weights, or the standard deviation of normal weights.
    """

    def __init__(self, filters, size=3, stride=1, elu=True, use_bias=True, stddev=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.size = size
        self.stride = stride
        self.elu = elu
        self.use_bias = use_bias
        self.stddev = stddev

    def build(self, input_shape):
        initializer = (
            tf.keras.initializers.HeNormal()
            if self.stddev is None
            else tf.keras.initializers.RandomNormal(stddev=self.stddev)
        )
        shape = (self.size, self.size, int(input_shape[-1]), self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def call(self, inputs):
        margin = self.size // 2
        if self.stride > 1:
            inputs = tf.pad(inputs, [[0, 0], [margin, margin], [margin, margin], [0, 0]])
        outputs = tf.nn.conv2d(
            inputs,
            tf.cast(self.kernel, inputs.dtype),
            strides=self.stride,
            padding="SAME" if self.stride == 1 else "VALID",
        )
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, inputs.dtype))
        return tf.nn.elu(outputs) if self.elu else outputs

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "size": self.size,
            "stride": self.stride,
            "elu": self.elu,
            "use_bias": self.use_bias,
            "stddev": self.stddev,
        }


class ResidualBlock(tf.keras.layers.Layer):
    """ELU(x + conv(ELU(conv(x)))), two 3x3 convolutions without bias, channels kept."""

    def build(self, input_shape):
        channels = int(input_shape[-1])
        self.first = Conv(channels, use_bias=False, name="first")
        self.second = Conv(channels, use_bias=False, elu=False, name="second")
        for conv in (self.first, self.second):
            with tf.name_scope(conv.name):
                conv.build(input_shape)
        self.built = True

    def call(self, inputs):
        return tf.nn.elu(inputs + self.second(self.first(inputs)))


def upsample_like(features, skip):
    """Nearest upsampling by 2, cut to the size of `skip` (its encoder twin, at most one smaller).

    Repeats instead of UpSampling2D, whose gradient XLA cannot compile on TensorFlow 2.15.
    """
    features = tf.repeat(tf.repeat(features, 2, axis=1), 2, axis=2)
    return features[:, : tf.shape(skip)[1], : tf.shape(skip)[2], :]


def channels(base, width):
    """`base` channels scaled by the multiplier `width`, a multiple of 4, at least 4."""
    return max(4, 4 * round(base * width / 4))
