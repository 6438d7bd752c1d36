"""AQUANet: shapes, names of the weights, beta, the positional code, serialization."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.geometry import camera
from aquanet_tf.layers import (
    AdaptiveQuantization,
    Conv,
    NeuralPositionalEncoding,
    ResidualBlock,
)
from aquanet_tf.networks import AQUANet
from aquanet_tf.runs import checkpoint
from tests.support.layers import assert_equal_sums, check_layer, check_saving, images


def small_aquanet(**options):
    return AQUANet(**{"width": 0.0625, "levels": 5, **options})


def depth(net, image):
    grid = camera.positional_grid(*image.shape[1:3])[None]
    return net(image, tf.repeat(grid, image.shape[0], axis=0))


def test_aquanet_survives_serialization(tmp_path):
    inputs = images(1, 20, 30, 3), camera.positional_grid(20, 30)[None]
    check_layer(small_aquanet(), *inputs)
    check_saving(small_aquanet(), tmp_path / "aquanet.keras", *inputs)


def test_layers_are_part_of_a_functional_model(tmp_path):
    grid = tf.keras.Input([6, 8, 2])
    logits = Conv(5, activation="none")(ResidualBlock()(NeuralPositionalEncoding()(grid)))
    depth = AdaptiveQuantization()(logits, Conv(1, size=1, activation="relu")(logits) + 1.0)
    model = tf.keras.Model(grid, depth)
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    whole = camera.positional_grid(6, 8)[None]
    np.testing.assert_array_equal(loaded(whole), model(whole))


def test_layer_by_layer_is_the_same_network():
    net, image = small_aquanet(), images(1, 64, 96, 3)
    grid = camera.positional_grid(64, 96)[None]
    assert_equal_sums(net(image, grid), net.with_code(image, net.code(grid), rearranged=False))


@pytest.mark.parametrize("size", [(64, 208), (37, 53), (65, 16), (21, 129)])
def test_any_size_goes_in_and_comes_out(size):
    logits, beta = depth(small_aquanet(), images(2, *size, 3))
    assert logits.shape == (2, *size, 5) and beta.shape == (2, *size, 1)
    assert logits.dtype == beta.dtype == tf.float32


def test_parameter_count_is_that_of_the_released_network_plus_beta():
    """14,546,232 at 33 levels in the authors' code; the beta head adds 3 x 3 x 128."""
    net = AQUANet(focal_planes=True)
    net(images(1, 64, 64, 3), camera.positional_grid(64, 64)[None], tf.eye(3)[None])
    assert net.count_params() == 14_546_232 + 9 * 128


def test_beta_starts_at_one_and_stays_in_bounds():
    net = small_aquanet(beta_max=2.0)
    _, beta = depth(net, images(1, 32, 32, 3))
    np.testing.assert_allclose(beta, np.ones(beta.shape), atol=0.05)
    kernel = net.beta_head.get_weights()[0]
    for sign, bound in ((1, 2.0), (-1, 0.5)):
        net.beta_head.set_weights([np.sign(kernel) * 0 + sign * 1e4])
        _, beta = depth(net, images(1, 32, 32, 3))
        assert beta.numpy().min() >= 0.5 - 1e-5 and beta.numpy().max() <= 2.0 + 1e-5
        assert np.isclose(beta, bound, atol=1e-3).any()


def test_names_of_the_weights_are_those_of_every_checkpoint():
    net = small_aquanet()
    depth(net, images(1, 32, 32, 3))
    names = set(checkpoint.named_weights(net))
    kernels = {f"{layer}{i}" for layer, n in (("down", 7), ("up", 6), ("mix", 5)) for i in range(n)}
    kernels |= {f"residual{i}/{part}" for i in range(7) for part in ("first", "second")}
    kernels |= {"positional/hidden", "positional/code", "head", "beta_head"}
    assert {name.rsplit("/", 1)[0] for name in names} == kernels
    assert len(names) == len(kernels) + 7 + 5 + 2  # the biases of down, mix and positional


@pytest.mark.parametrize("activation", ["relu", "relu6", "leaky_relu"])
def test_the_activation_is_that_of_encoder_and_decoder(activation):
    net, image = small_aquanet(activation=activation), images(1, 32, 32, 3)
    elu = small_aquanet()
    depth(elu, image), depth(net, image)
    net.set_weights(elu.get_weights())
    assert not np.allclose(depth(net, image)[0], depth(elu, image)[0], atol=1e-3)
    x = tf.constant([[[[-2.0, 3.0, 8.0]]]])
    layer = Conv(3, size=1, activation=activation)
    layer(x)
    layer.set_weights([np.eye(3)[None, None], np.zeros(3)])
    expected = {"relu": [0, 3, 8], "relu6": [0, 3, 6], "leaky_relu": [-0.2, 3, 8]}
    np.testing.assert_allclose(layer(x)[0, 0, 0], expected[activation], rtol=1e-6)


def test_fixed_beta_is_one_everywhere():
    _, beta = depth(small_aquanet(adaptive=False), images(1, 32, 32, 3))
    np.testing.assert_array_equal(beta, np.ones(beta.shape))


def test_shifted_grid_changes_the_answer():
    """The positional code must reach the output: SPIMO masks live on it."""
    net, image = small_aquanet(), images(1, 64, 64, 3)
    grid = camera.positional_grid(64, 64)[None]
    plain, shifted = net(image, grid)[0], net(image, grid + [0.5, 0.0])[0]
    assert float(tf.reduce_max(tf.abs(plain - shifted))) > 1e-4


def test_focal_planes_need_and_use_intrinsics():
    net, image = small_aquanet(focal_planes=True), images(1, 32, 32, 3)
    grid = camera.positional_grid(32, 32)[None]
    with pytest.raises(ValueError, match="intrinsics"):
        net(image, grid)
    one, two = (net(image, grid, tf.eye(3)[None] * f)[0] for f in (100.0, 900.0))
    assert float(tf.reduce_max(tf.abs(one - two))) > 1e-5
