"""Convolutions: padding, and the forms that save time give the same numbers."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.layers import Conv, DepthwiseConv, ResidualBlock
from aquanet_tf.layers.convolution import channels, joint, upsample_like
from tests.support.layers import assert_equal_sums, check_layer, images


def test_layers_survive_serialization():
    check_layer(Conv(4, stride=2), images(1, 7, 9, 3))
    check_layer(Conv(4, size=1, activation="relu6", use_bias=False, stddev=0.1), images(1, 4, 4, 3))
    check_layer(DepthwiseConv(5, 2, "relu6", 0.2), images(1, 7, 9, 3))
    check_layer(ResidualBlock(), images(1, 5, 6, 4))


def test_strided_convolution_is_centered():
    """Output i looks at input rows 2i-1..2i+1: mirrored input gives mirrored output on odd sizes,
    which Keras' "same" padding also does, and row 0 sees row 0 in its middle, which it does not."""
    conv = Conv(1, stride=2, activation="none")
    image = np.zeros((1, 8, 8, 1), np.float32)
    image[0, 0, 0] = 1
    conv(image)
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = 1
    conv.set_weights([kernel, np.zeros(1)])
    out = conv(image).numpy()
    assert out.shape == (1, 4, 4, 1)
    assert out[0, 0, 0, 0] == 1 and out.sum() == 1


def test_upsampling_cuts_to_the_skip():
    skip = tf.zeros([1, 5, 8, 2])
    up = upsample_like(tf.reshape(tf.range(12.0), [1, 3, 4, 1]), skip)
    np.testing.assert_allclose(up[0, :, 0, 0], [0, 0, 4, 4, 8])
    assert up.shape == (1, 5, 8, 1)


def results(function, conv, *inputs):
    """Value, gradients of the inputs and of the kernel, of a function of the inputs."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = function(*inputs)
        loss = tf.reduce_sum(value * images(*value.shape, seed=7))
    return [value, *tape.gradient(loss, [*inputs, conv.kernel])]


@pytest.mark.parametrize("size", [(6, 10), (5, 10), (5, 9)])
def test_upsampled_convolution_is_the_convolution_of_the_upsampled(size):
    """Sizes the skip has at all, and those where the upsampled features are cut."""
    features, skip = images(2, 3, 5, 4), tf.zeros([2, *size, 8])
    conv = Conv(8)
    apart = results(lambda x: conv(upsample_like(x, skip)), conv, features)
    together = results(lambda x: conv.upsampled(x, skip), conv, features)
    assert_equal_sums(together, apart)


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_of_parts_is_that_of_their_concatenation(stride):
    parts = images(1, 6, 7, 3), images(1, 6, 7, 5, seed=2)
    conv = Conv(4, stride=stride)
    apart = results(lambda *x: conv(list(x)), conv, *parts)
    together = results(lambda *x: conv(tf.concat(x, axis=-1)), conv, *parts)
    assert_equal_sums(apart, together)


def test_joint_convolutions_are_the_single_ones():
    parts = [images(1, 6, 7, 3), images(1, 6, 7, 5, seed=2)]
    convs = [
        Conv(count, activation="none", use_bias=False, name=f"head{count}") for count in (4, 1)
    ]
    assert_equal_sums(joint(convs, parts), [conv(parts) for conv in convs])


def test_channels_are_multiples_of_four():
    assert [channels(64, w) for w in (1.0, 0.1875, 0.03)] == [64, 12, 4]
