"""Building blocks of every network: convolutions, one residual block, one upsampling.

All weights of the project live in `Conv` and `DepthwiseConv`, so that padding, precision and names
are decided once. `convolve`, `joint` and `Conv.upsampled` avoid redundant activations and
computation; `benchmarks/README.md` has the numbers.
"""

from __future__ import annotations

import tensorflow as tf

# ELU is the paper's. TFLite has no int8 form of ELU; there, relu and relu6 are part of the
# convolution, and hard_swish is an operation of its own.
ACTIVATIONS = {
    "elu": tf.nn.elu,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "leaky_relu": lambda features: tf.nn.leaky_relu(features, 0.1),
    # In the order of operations that TFLite recognizes as hard_swish.
    "hard_swish": lambda features: features * tf.nn.relu6(features + 3.0) * (1.0 / 6.0),
    "hard_sigmoid": lambda features: tf.nn.relu6(features + 3.0) * (1.0 / 6.0),
    "none": tf.identity,
}


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class Conv(tf.keras.layers.Layer):
    """3x3 or 1x1 convolution, padded by the same amount on every side, with an activation.

    Keras' padding="same" with stride 2 pads only right and bottom on even sizes, which shifts the
    features by half a pixel at every scale; here an input of n rows gives ceil(n / stride) rows,
    row i centered on input row stride * i.

    Args:
        filters: output channels.
        size: kernel size, odd.
        stride: 1 or 2.
        activation: one of ACTIVATIONS.
        use_bias: add a bias.
        stddev: None for He-normal weights, or the standard deviation of normal weights.

    Call argument: features [B,H,W,C], or a list of them that counts as concatenated along the
    channels (see `convolve`). Returns [B, ceil(H/stride), ceil(W/stride), filters].

    Example:

    >>> import tensorflow as tf
    >>> features = Conv(16, stride=2)(tf.random.normal([1, 7, 10, 3]))
    >>> tuple(features.shape)
    (1, 4, 5, 16)
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
        several = isinstance(input_shape, list) and not isinstance(input_shape[-1], int)
        parts = input_shape if several else [input_shape]
        count = sum(int(part[-1]) for part in parts)
        shape = (self.size, self.size, count, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def call(self, inputs):
        parts = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        return self._finish(convolve(parts, self.kernel, self.stride))

    def upsampled(self, features, skip):
        """This convolution (3x3, stride 1) of `upsample_like(features, skip)`.

        Where the doubled size is that of the skip, one transposed convolution of stride 2 does
        both; its 4x4 kernel is the 3x3 kernel blurred by a 2x2 box. That is 4 products for each
        output instead of 9, and no upsampled input in memory.
        """
        doubled = [None if size is None else 2 * size for size in features.shape[1:3]]
        if None in doubled or doubled != list(skip.shape[1:3]):
            return self(upsample_like(features, skip))
        if not self.built:
            build(self, features.shape)
        return self._finish(_doubling_convolution(features, self.kernel))

    def _finish(self, outputs):
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, outputs.dtype))
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


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class DepthwiseConv(tf.keras.layers.Layer):
    """A convolution of every channel by itself, with bias, padded as `Conv`.

    Args:
        size: kernel size, odd.
        stride: 1 or 2.
        activation: one of ACTIVATIONS.
        stddev: standard deviation of the normal weights.

    Call argument: features [B,H,W,C]. Returns [B, ceil(H/stride), ceil(W/stride), C].

    Example:

    >>> import tensorflow as tf
    >>> layer = DepthwiseConv(5, stride=2, activation="relu6", stddev=0.2)
    >>> tuple(layer(tf.random.normal([1, 8, 12, 16])).shape)
    (1, 4, 6, 16)
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
        margin = [self.size // 2, self.size // 2]
        padding = "SAME"
        if self.stride > 1:  # explicit padding is for plain convolutions only
            inputs, padding = tf.pad(inputs, [[0, 0], margin, margin, [0, 0]]), "VALID"
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


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class ResidualBlock(tf.keras.layers.Layer):
    """f(x + conv(f(conv(x)))): f the activation, two 3x3 convolutions without bias.

    Args:
        activation: one of ACTIVATIONS.

    Call argument: features [B,H,W,C]. Returns the same shape.

    Example:

    >>> import tensorflow as tf
    >>> tuple(ResidualBlock()(tf.random.normal([1, 8, 12, 16])).shape)
    (1, 8, 12, 16)
    """

    def __init__(self, activation="elu", **kwargs):
        super().__init__(**kwargs)
        self.activation = activation

    def build(self, input_shape):
        channels = int(input_shape[-1])
        rest = {"use_bias": False, "dtype": self.dtype_policy}
        self.first = Conv(channels, activation=self.activation, name="first", **rest)
        self.second = Conv(channels, activation="none", name="second", **rest)
        for conv in (self.first, self.second):
            build(conv, input_shape)
        self.built = True

    def call(self, inputs):
        return ACTIVATIONS[self.activation](inputs + self.second(self.first(inputs)))

    def get_config(self):
        return {**super().get_config(), "activation": self.activation}


def build(conv, input_shape):
    """Creates the weights of a `Conv` that is used without being called."""
    with tf.name_scope(conv.name):
        conv.build(input_shape)


def convolve(parts, kernel, stride=1):
    """Convolution of the channels of all `parts` together, padded by size // 2 on every side.

    Each part is convolved with its own share of the kernel and the results are added: a
    concatenation would be one more copy, kept in memory until its gradient is computed.

    Args:
        parts: list of [B,H,W,c]; kernel: [size,size,sum of c,filters]; cast to the parts' type.
    """
    margin = int(kernel.shape[0]) // 2
    padding = [[0, 0], [margin, margin], [margin, margin], [0, 0]]
    kernel = tf.cast(kernel, parts[0].dtype)
    shares = tf.split(kernel, [part.shape[-1] for part in parts], axis=2)
    outputs = [
        tf.nn.conv2d(part, share, stride, "SAME" if stride == 1 else padding)
        for part, share in zip(parts, shares)
    ]
    return outputs[0] if len(outputs) == 1 else tf.add_n(outputs)


def joint(convs, parts):
    """Outputs of several `Conv` of one input, without bias and activation, as one convolution.

    A convolution to one channel takes nearly as long as one to sixteen, and the gradient of each
    has the size of all inputs.
    """
    for conv in convs:
        if not conv.built:
            build(conv, [part.shape for part in parts])
    kernel = tf.concat([tf.convert_to_tensor(conv.kernel) for conv in convs], axis=-1)
    return tf.split(convolve(parts, kernel), [conv.filters for conv in convs], axis=-1)


def upsample_like(features, skip):
    """Nearest upsampling by 2, cut to the size of `skip`, the encoder's features of that scale.

    Uses tf.repeat: XLA cannot compile the gradient of UpSampling2D on TensorFlow 2.15.
    """
    features = tf.repeat(tf.repeat(features, 2, axis=1), 2, axis=2)
    return features[:, : tf.shape(skip)[1], : tf.shape(skip)[2], :]


def channels(base, width):
    """`base` channels times the multiplier `width`, rounded to a multiple of 4, at least 4."""
    return max(4, 4 * round(base * width / 4))


def _doubling_convolution(features, kernel):
    """3x3 convolution, zero-padded, of features upsampled by 2 (nearest): [B,2H,2W,filters].

    Upsampling is a transposed convolution with a box of 2x2; combined with the 3x3 convolution
    its kernel is the mirrored 3x3 kernel, convolved with that box.
    """
    kernel = tf.reverse(tf.cast(kernel, features.dtype), [0, 1])
    for axis in (0, 1):
        before, after = ([[0, 0]] * 4 for _ in range(2))
        before[axis], after[axis] = [1, 0], [0, 1]
        kernel = tf.pad(kernel, before) + tf.pad(kernel, after)
    height, width = features.shape[1:3]
    size = [tf.shape(features)[0], 2 * height, 2 * width, kernel.shape[-1]]
    return tf.nn.conv2d_transpose(features, tf.transpose(kernel, [0, 1, 3, 2]), size, 2, "SAME")
