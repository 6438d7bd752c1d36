"""The mobile encoder: keras-cv's function with its weights, centered, position-aware, trainable."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.geometry import camera
from aquanet_tf.networks import build, mobile_encoder, pretrained
from aquanet_tf.networks.aquanet import AQUANet
from tests.support.layers import check_layer

# Odd at every scale, where keras-cv pads like us; on even sizes it is shifted by half a pixel.
SIZE = (65, 97)


def inputs(*size, batch=1, seed=0):
    """(image, code) of random pixels and the grid itself."""
    image = tf.random.stateless_uniform((batch, *size, 3), [seed, 1])
    return image, tf.repeat(camera.positional_grid(*size)[None], batch, axis=0)


def encoder(*size):
    layer = mobile_encoder.MobileEncoder()
    layer(*inputs(*size))
    return layer


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A directory with a preset of keras-cv: random weights, statistics that are not trivial."""
    import keras_cv
    from keras_cv.src.utils import preset_utils

    rows = mobile_encoder._BLOCKS
    before = [16, *(row[2] for row in rows)]
    backbone = keras_cv.models.MobileNetV3Backbone(
        stackwise_expansion=[row[1] / count for row, count in zip(rows, before)],
        stackwise_filters=[row[2] for row in rows],
        stackwise_kernel_size=[row[0] for row in rows],
        stackwise_stride=[row[5] for row in rows],
        stackwise_se_ratio=[0.25 if row[3] else None for row in rows],
        stackwise_activation=[row[4] for row in rows],
        include_rescaling=False,
        input_shape=(*SIZE, 3),
    )
    rng = np.random.default_rng(0)
    for layer in backbone.layers:
        if layer.__class__.__name__ == "BatchNormalization":
            count = layer.get_weights()[0].shape
            spread = (rng.uniform(low, high, count) for low, high in ((0.5, 1.5), (-1, 1)) * 2)
            gamma, beta, variance, mean = spread
            layer.set_weights([gamma, beta, mean, variance])
    directory = tmp_path_factory.mktemp("preset") / "preset"
    preset_utils.save_to_preset(backbone, str(directory))
    return directory, backbone


def test_with_keras_cvs_weights_it_is_keras_cvs_backbone(preset):
    directory, backbone = preset
    layer = encoder(*SIZE)
    layer.assign(pretrained.mobilenet_convolutions(str(directory)))
    image, code = inputs(*SIZE, batch=2, seed=3)
    found = layer(image, code)
    names = backbone.pyramid_level_inputs  # of the input of each strided layer, and the last
    outputs = [backbone.get_layer(names[level]).output for level in ("P1", "P2", "P3", "P4")]
    # P5 lies behind the convolution that the encoder has not: its input is the last block.
    outputs.append(backbone.get_layer("Conv_1").input)
    expected = tf.keras.Model(backbone.input, outputs)(image, training=False)
    np.testing.assert_array_equal(found[0], image)
    for got, wanted in zip(found[1:], expected):
        scale = float(tf.reduce_max(tf.abs(wanted)))
        assert scale > 1e-3
        np.testing.assert_allclose(got, wanted, atol=1e-4 * scale)


def test_training_starts_from_them_and_loading_does_not_need_them(preset):
    options = Config(width=0.1, levels=5, encoder="mobile", encoder_weights=str(preset[0]))
    net = build.build_depth_network(options)  # as for any checkpoint
    before = net.mobile.stem.kernel.numpy()
    pretrained.start_encoder(options, net)
    after = net.mobile.stem.kernel.numpy()
    np.testing.assert_array_equal(after, pretrained.mobilenet_convolutions(str(preset[0]))[0][0])
    assert np.abs(after - before).max() > 0.1
    twin = dataclasses.replace(options, encoder_weights="none")
    pretrained.start_encoder(twin, net)
    np.testing.assert_array_equal(net.mobile.stem.kernel, after)


def test_weights_of_another_network_are_refused(preset):
    convolutions = pretrained.mobilenet_convolutions(str(preset[0]))
    with pytest.raises(ValueError, match="weights of shapes"):
        encoder(*SIZE).assign(convolutions[:-1])


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ValueError, match=f"--encoder_weights={tmp_path}: not available"):
        pretrained.mobilenet_convolutions(str(tmp_path))


def test_layers_survive_serialization():
    check_layer(mobile_encoder.MobileEncoder(), *inputs(20, 30))
    block = mobile_encoder.InvertedResidual(4, 3, 8, 4, 4, "hard_swish", 2)
    check_layer(block, tf.ones([1, 7, 9, 4]), tf.ones([1, 14, 18, 2]))
    grid = camera.positional_grid(20, 30)[None]
    net = AQUANet(0.1, levels=5, encoder="mobile", activation="relu6")
    check_layer(net, inputs(20, 30)[0], grid)


@pytest.mark.parametrize("size", [(64, 96), (37, 53), (16, 17)])
def test_scales_halve_and_round_up(size):
    for got, channels in zip(encoder(*size)(*inputs(*size)), (3, 16, 16, 24, 48, 96)):
        assert got.shape == (1, *size, channels)
        size = tuple(-(-n // 2) for n in size)


def test_strided_convolutions_are_centered():
    """On an odd size a mirrored picture gives mirrored features if the kernels are symmetric."""
    layer = encoder(*SIZE)
    for weight in layer.weights:
        if len(weight.shape) == 4:
            weight.assign(0.5 * (weight + tf.reverse(weight, [1])))
    image, code = inputs(*SIZE)
    code = tf.abs(code)
    for plain, mirrored in zip(layer(image, code), layer(tf.reverse(image, [2]), code)):
        np.testing.assert_allclose(plain, tf.reverse(mirrored, [2]), atol=1e-4)


def test_features_keep_their_size_and_the_position_reaches_them():
    tf.keras.utils.set_random_seed(1)
    layer = encoder(64, 96)
    image, code = inputs(64, 96)
    found, shifted = layer(image, code), layer(image, code + [0.5, 0.0])
    for features, other in zip(found[1:], shifted[1:]):
        size = float(tf.math.reduce_std(features))
        assert 0.05 < size < 20  # neither dead nor exploding after so many layers
        assert float(tf.math.reduce_std(features - other)) > 1e-3 * size


def test_every_weight_gets_a_gradient():
    tf.keras.utils.set_random_seed(1)
    net = AQUANet(0.1, levels=5, encoder="mobile", activation="relu6")
    image, grid = inputs(64, 96)
    with tf.GradientTape() as tape:
        logits, beta = net(image, grid)
        loss = tf.reduce_sum(logits**2) + tf.reduce_sum(beta)
    gradients = tape.gradient(loss, net.trainable_variables)
    for variable, gradient in zip(net.trainable_variables, gradients):
        assert gradient is not None and float(tf.reduce_max(tf.abs(gradient))) > 0, variable.name
