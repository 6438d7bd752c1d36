"""MobileNetV3-Small as the encoder (`--encoder=mobile`): few multiplications, all int8 in TFLite.

Layers and channels are those of "Searching for MobileNetV3" (Howard et al. 2019) and of keras-cv's
backbone, with three differences. Strided convolutions are padded alike on every side (see `Conv`).
There is no batch normalization: `pretrained.mobilenet_convolutions` folds that of a trained
backbone into the convolutions. And the positional code reaches every strided block through a 1x1
convolution, added to the output of the block's first convolution (in the first block, which has
none, to its input). For a 1x1 convolution this equals concatenating the code before it, and it
keeps the shapes of the trained weights.
"""

from __future__ import annotations

import math

import tensorflow as tf

from aquanet_tf.layers.convolution import ACTIVATIONS, Conv, DepthwiseConv

_STEM = 16
# Kernel size, expanded channels, channels, squeeze channels (0: none), activation, stride.
_BLOCKS = (
    (3, 16, 16, 8, "relu", 2),
    (3, 72, 24, 0, "relu", 2),
    (3, 88, 24, 0, "relu", 1),
    (5, 96, 40, 24, "hard_swish", 2),
    (5, 240, 40, 64, "hard_swish", 1),
    (5, 240, 40, 64, "hard_swish", 1),
    (5, 120, 48, 32, "hard_swish", 1),
    (5, 144, 48, 40, "hard_swish", 1),
    (5, 288, 96, 72, "hard_swish", 2),
    (5, 576, 96, 144, "hard_swish", 1),
    (5, 576, 96, 144, "hard_swish", 1),
)
# Mean square of f(x) for normal x. The weights after f are scaled by it: without batch
# normalization nothing else keeps the features near unit size through so many layers.
_MEAN_SQUARE = {"relu": 0.5, "hard_swish": 0.34}
# Size of a residual block's own branch at the start, so that the sum over all blocks stays small.
_BRANCH = 0.3


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class MobileEncoder(tf.keras.layers.Layer):
    """Encoder of MobileNetV3-Small without its last 1x1 convolution; 0.9 M parameters.

    Call arguments:
        image: [B,H,W,3] RGB in [0,1], the range of keras-cv's trained weights.
        code: [B,H,W,C] positional code.

    Returns the image itself and features at 1/2, 1/4, 1/8, 1/16 and 1/32 of its size, rounded up,
    of 16, 16, 24, 48 and 96 channels.

    Example:

    >>> import tensorflow as tf
    >>> scales = MobileEncoder()(tf.ones([1, 64, 96, 3]), tf.ones([1, 64, 96, 8]))
    >>> [tuple(features.shape[1:]) for features in scales[:3]]
    [(64, 96, 3), (32, 48, 16), (16, 24, 16)]
    """

    HALVINGS = 5

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stem = Conv(_STEM, stride=2, activation="none", name="stem")
        self.position = _position(_STEM)
        self.blocks = []
        channels = _STEM
        for i, row in enumerate(_BLOCKS):
            self.blocks.append(InvertedResidual(channels, *row, name=f"block{i}"))
            channels = row[2]

    def call(self, image, code):
        features = _with_position(self.stem(image), self.position, code)
        features = ACTIVATIONS["hard_swish"](features)
        scales = [image]
        for block in self.blocks:
            if block.stride > 1:
                scales.append(features)
            features = block(features, code)
        return [*scales, features]

    def assign(self, convolutions):
        """Sets the weights to trained ones and those of the positional code to zero, so that the
        encoder is exactly the function that was trained. ValueError if shapes differ.

        convolutions: (kernel, bias) of every convolution in order, as arrays; squeeze and
            excitation follow the depthwise convolution of their block.
        """
        layers = [self.stem, *(layer for block in self.blocks for layer in block.convolutions)]
        found = [kernel.shape for kernel, _ in convolutions]
        expected = [tuple(layer.kernel.shape) for layer in layers]
        if found != expected:
            raise ValueError(f"weights of shapes {found}, expected {expected}")
        for layer, (kernel, bias) in zip(layers, convolutions):
            layer.kernel.assign(kernel)
            layer.bias.assign(bias)
        for position in (self.position, *(block.position for block in self.blocks)):
            if position is not None:
                position.kernel.assign(tf.zeros_like(position.kernel))


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class InvertedResidual(tf.keras.layers.Layer):
    """1x1 convolution up, depthwise convolution, squeeze and excitation, 1x1 convolution down.

    Args:
        inputs: input channels; where they equal `expanded` there is no first convolution.
        size: of the depthwise kernel.
        expanded, filters, squeezed: channels; squeezed 0: no squeeze and excitation.
        activation: `relu` or `hard_swish`.
        stride: 1 or 2; with 2 the positional code is added. The input is added to the output where
            both have the same shape.

    Call arguments: features [B,H,W,inputs], positional code [B,h,w,C] of any size. Returns
    [B, ceil(H/stride), ceil(W/stride), filters].
    """

    def __init__(self, inputs, size, expanded, filters, squeezed, activation, stride, **kwargs):
        super().__init__(**kwargs)
        self.input_channels, self.size, self.stride = inputs, size, stride
        self.expanded, self.filters, self.squeezed = expanded, filters, squeezed
        self.activation = activation
        self.residual = stride == 1 and inputs == filters
        square = _MEAN_SQUARE[activation]
        plain = dict(size=1, activation="none")
        self.expand = self.squeeze = self.excite = self.position = None
        if inputs != expanded:
            deviation = 1 / math.sqrt(inputs)
            self.expand = Conv(expanded, **plain, stddev=deviation, name="expand")
        if stride > 1:
            self.position = _position(expanded)
        depthwise = 1 / (size * math.sqrt(square))
        self.depthwise = DepthwiseConv(size, stride, activation, depthwise, name="depthwise")
        if squeezed:
            self.squeeze = Conv(squeezed, 1, activation="relu", name="squeeze")
            self.excite = Conv(expanded, 1, activation="hard_sigmoid", name="excite")
            square *= 0.25  # the excitation starts at one half
        deviation = (_BRANCH if self.residual else 1.0) / math.sqrt(expanded * square)
        self.project = Conv(filters, **plain, stddev=deviation, name="project")

    @property
    def convolutions(self):
        """The layers with trained weights, in keras-cv's order."""
        every = (self.expand, self.depthwise, self.squeeze, self.excite, self.project)
        return [layer for layer in every if layer is not None]

    def call(self, inputs, code):
        features = inputs
        if self.expand is not None:
            features = self.expand(features)
        if self.position is not None:
            features = _with_position(features, self.position, code)
        if self.expand is not None:
            features = ACTIVATIONS[self.activation](features)
        features = self.depthwise(features)
        if self.squeeze is not None:
            mean = tf.reduce_mean(features, axis=[1, 2], keepdims=True)
            features *= self.excite(self.squeeze(mean))
        features = self.project(features)
        return inputs + features if self.residual else features

    def get_config(self):
        return {
            **super().get_config(),
            "inputs": self.input_channels,
            "size": self.size,
            "expanded": self.expanded,
            "filters": self.filters,
            "squeezed": self.squeezed,
            "activation": self.activation,
            "stride": self.stride,
        }


def _position(filters):
    return Conv(filters, size=1, activation="none", use_bias=False, name="position")


def _with_position(features, position, code):
    resized = tf.image.resize(code, tf.shape(features)[1:3])
    return features + position(tf.cast(resized, features.dtype))
