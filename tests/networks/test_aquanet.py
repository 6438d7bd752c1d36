"""Convolutions, positional encoding, AQUANet and PoseNet: shapes, padding, serialization."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.geometry import camera, pose
from aquanet_tf.layers import (
    AdaptiveQuantization,
    Conv,
    NeuralPositionalEncoding,
    ResidualBlock,
)
from aquanet_tf.layers.convolution import channels, joint, upsample_like
from aquanet_tf.networks import AQUANet, PoseNet
from aquanet_tf.runs import checkpoint
from tests.support.layers import check_layer


def images(*shape, seed=0):
    return tf.random.stateless_uniform(shape, [seed, 1])


def small_aquanet(**options):
    return AQUANet(**{"width": 0.0625, "levels": 5, **options})


def depth(net, image):
    grid = camera.positional_grid(*image.shape[1:3])[None]
    return net(image, tf.repeat(grid, image.shape[0], axis=0))


def test_layers_survive_serialization():
    check_layer(Conv(4, stride=2), images(1, 7, 9, 3))
    check_layer(Conv(4, size=1, activation="relu6", use_bias=False, stddev=0.1), images(1, 4, 4, 3))
    check_layer(ResidualBlock(), images(1, 5, 6, 4))
    check_layer(NeuralPositionalEncoding(), camera.positional_grid(6, 8)[None])
    check_layer(small_aquanet(), images(1, 20, 30, 3), camera.positional_grid(20, 30)[None])
    check_layer(PoseNet(width=0.125), images(1, 32, 32, 3), images(1, 2, 32, 32, 3))


@pytest.mark.parametrize(
    "net, inputs",
    [
        (small_aquanet(), (images(1, 20, 30, 3), camera.positional_grid(20, 30)[None])),
        (PoseNet(width=0.125), (images(1, 32, 32, 3), images(1, 2, 32, 32, 3))),
    ],
    ids=["AQUANet", "PoseNet"],
)
def test_keras_saves_and_loads_a_network_without_being_told_its_class(net, inputs, tmp_path):
    expected = net(*inputs)
    net.save(tmp_path / "network.keras")
    loaded = tf.keras.models.load_model(tmp_path / "network.keras")
    for a, b in zip(tf.nest.flatten(loaded(*inputs)), tf.nest.flatten(expected)):
        np.testing.assert_array_equal(a, b)


def test_layers_are_part_of_a_functional_model(tmp_path):
    grid = tf.keras.Input([6, 8, 2])
    logits = Conv(5, activation="none")(ResidualBlock()(NeuralPositionalEncoding()(grid)))
    depth = AdaptiveQuantization()(logits, Conv(1, size=1, activation="relu")(logits) + 1.0)
    model = tf.keras.Model(grid, depth)
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    whole = camera.positional_grid(6, 8)[None]
    np.testing.assert_array_equal(loaded(whole), model(whole))


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


def assert_equal_sums(values, expected):
    """Equal but for the order of float32 sums of some hundred products."""
    for a, b in zip(values, expected):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


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


def test_layer_by_layer_is_the_same_network():
    net, image = small_aquanet(), images(1, 64, 96, 3)
    grid = camera.positional_grid(64, 96)[None]
    assert_equal_sums(net(image, grid), net.with_code(image, net.code(grid), rearranged=False))


def test_channels_are_multiples_of_four():
    assert [channels(64, w) for w in (1.0, 0.1875, 0.03)] == [64, 12, 4]


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


def test_antisymmetric_pose_is_exactly_invertible():
    net = PoseNet(width=0.25)
    a, b = images(2, 48, 64, 3), images(2, 48, 64, 3, seed=5)
    forth, back = net(a, b[:, None])[:, 0], net(b, a[:, None])[:, 0]
    np.testing.assert_allclose(forth, -back, atol=1e-7)
    assert float(tf.reduce_max(tf.abs(forth))) > 0
    for x, y in zip(net.motion(forth).inverse(), net.motion(back)):
        np.testing.assert_allclose(x, y, atol=1e-6)


def test_a_still_pair_does_not_move():
    a = images(1, 48, 64, 3)
    np.testing.assert_allclose(PoseNet(width=0.25)(a, a[:, None]), np.zeros((1, 1, 6)), atol=1e-7)


def test_each_reference_gets_its_own_pose():
    net = PoseNet(width=0.25)
    a, b, c = (images(1, 48, 64, 3, seed=s) for s in (1, 2, 3))
    both = net(a, tf.stack([b, c], axis=1))
    np.testing.assert_allclose(both[:, 0], net(a, b[:, None])[:, 0], atol=1e-6)
    np.testing.assert_allclose(both[:, 1], net(a, c[:, None])[:, 0], atol=1e-6)


def test_plain_pose_form():
    net = PoseNet(width=0.25, form="plain")
    vectors = net(images(1, 48, 64, 3), images(1, 2, 48, 64, 3, seed=4))
    rotation, translation = net.motion(vectors)
    np.testing.assert_allclose(translation, vectors[..., :3])
    expected, _ = pose.euler_pose(vectors)
    np.testing.assert_allclose(rotation, expected)
