"""Building blocks of every network: convolutions, one residual block, one upsampling.

All weights of the project live in `Conv` and `DepthwiseConv`, so that padding, precision and names
are decided once.
"""

from __future__ import annotations

import tensorflow as tf

# ELU is the paper's. TFLite has no int8 form of it; relu and relu6 are part of the convolution
# there, and hard_swish has a form of its own.
ACTIVATIONS = {
    "elu": tf.nn.elu,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "leaky_relu": lambda features: tf.nn.leaky_relu(features, 0.1),
    # In the order of operations in which TFLite recognises it.
    "hard_swish": lambda features: features * tf.nn.relu6(features + 3.0) * (1.0 / 6.0),
    "hard_sigmoid": lambda features: tf.nn.relu6(features + 3.0) * (1.0 / 6.0),
    "none": tf.identity,
}


class Conv(tf.keras.layers.Layer):
    """3x3 or 1x1 convolution, padded by the same amount on every side, with an activation.

    Keras' padding="same" with stride 2 pads only right and bottom on even sizes, which shifts the
    features by half a pixel at every scale; here an input of n rows gives ceil(n / stride) rows,
    row i centred on input row stride * i.

    Args:
        filters: output channels.
        size: kernel size, odd.
        stride: 1 or 2.
        activation: one of ACTIVATIONS.
        use_bias: add a bias.
        stddev: None for He-normal weights, or the standard deviation of normal weights.
    """

    def __init__(
        self, filters, size=3, stride=1, activation="elu", use_bias=True, stddev=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.size = size
        self.stride = stride
        self.activation = activation
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
        inputs, padding = _padded(inputs, self.size, self.stride)
        kernel = tf.cast(self.kernel, inputs.dtype)
        outputs = tf.nn.conv2d(inputs, kernel, strides=self.stride, padding=padding)
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, inputs.dtype))
        return ACTIVATIONS[self.activation](outputs)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "size": self.size,
            "stride": self.stride,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "stddev": self.stddev,
        }


class DepthwiseConv(tf.keras.layers.Layer):
    """A convolution of every channel by itself, with bias, padded as `Conv`.

    Args:
        size: kernel size, odd.
        stride: 1 or 2.
        activation: one of ACTIVATIONS.
        stddev: standard deviation of the normal weights.
    """

    def __init__(self, size, stride, activation, stddev, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.stride = stride
        self.activation = activation
        self.stddev = stddev

    def build(self, input_shape):
        count = int(input_shape[-1])
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.size, self.size, count, 1),
            initializer=tf.keras.initializers.RandomNormal(stddev=self.stddev),
        )
        self.bias = self.add_weight(name="bias", shape=(count,), initializer="zeros")
        self.built = True

    def call(self, inputs):
        inputs, padding = _padded(inputs, self.size, self.stride)
        kernel = tf.cast(self.kernel, inputs.dtype)
        strides = [1, self.stride, self.stride, 1]
        outputs = tf.nn.depthwise_conv2d(inputs, kernel, strides, padding)
        outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, inputs.dtype))
        return ACTIVATIONS[self.activation](outputs)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "stride": self.stride,
            "activation": self.activation,
            "stddev": self.stddev,
        }


class ResidualBlock(tf.keras.layers.Layer):
    """f(x + conv(f(conv(x)))), f the activation, two 3x3 convolutions without bias, channels kept.

    Args:
        activation: one of ACTIVATIONS.
    """

    def __init__(self, activation="elu", **kwargs):
        super().__init__(**kwargs)
        self.activation = activation

    def build(self, input_shape):
        channels = int(input_shape[-1])
        self.first = Conv(channels, activation=self.activation, use_bias=False, name="first")
        self.second = Conv(channels, activation="none", use_bias=False, name="second")
        for conv in (self.first, self.second):
            with tf.name_scope(conv.name):
                conv.build(input_shape)
        self.built = True

    def call(self, inputs):
        return ACTIVATIONS[self.activation](inputs + self.second(self.first(inputs)))

    def get_config(self):
        return {**super().get_config(), "activation": self.activation}


def upsample_like(features, skip):
    """Nearest upsampling by 2, cut to the size of `skip` (its encoder twin, at most one smaller).

    Repeats instead of UpSampling2D, whose gradient XLA cannot compile on TensorFlow 2.15.
    """
    features = tf.repeat(tf.repeat(features, 2, axis=1), 2, axis=2)
    return features[:, : tf.shape(skip)[1], : tf.shape(skip)[2], :]


def _padded(inputs, size, stride):
    """Inputs and padding word of a convolution: the margin is explicit where Keras' is lopsided."""
    if stride == 1:
        return inputs, "SAME"
    margin = [size // 2, size // 2]
    return tf.pad(inputs, [[0, 0], margin, margin, [0, 0]]), "VALID"


def channels(base, width):
    """`base` channels scaled by the multiplier `width`, a multiple of 4, at least 4."""
    return max(4, 4 * round(base * width / 4))
