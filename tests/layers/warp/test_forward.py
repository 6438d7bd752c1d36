import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.geometry import camera, pose
from aquanet_tf.layers import AdaptiveForwardWarp, quantization
from aquanet_tf.layers.warp import dense, forward
from aquanet_tf.layers.warp.levels import Levels
from aquanet_tf.layers.warp.planes import Planes
from tests.support.layers import check_layer
from tests.support.scenes import forward_warp, warp_arguments, warp_inputs

LOW, HIGH = 0.005, 0.3


def with_gradients(function, inputs, watched=5):
    """Outputs of `function` and gradients of a fixed random weighting of its view."""
    inputs = list(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs[:watched])
        outputs = function(*inputs)
        weight = np.random.default_rng(1).normal(size=outputs[0].shape)
        loss = tf.reduce_sum(outputs[0] * tf.constant(weight, outputs[0].dtype))
    return outputs, tape.gradient(loss, inputs[:watched])


def dense_warp(*inputs):
    target, planes, levels = warp_arguments(*inputs, masks=inputs[0][..., :0])
    return dense.warp(target, planes, levels)


MOTIONS = {
    "forward": [0.1, 0.05, 0.9, 0.0, 0.01, 0.0],
    "backward": [0.0, 0.0, -3.0, 0.0, 0.0, 0.0],
    "turning": [0.3, -0.1, 0.4, 0.1, 0.3, -0.2],
    "past the planes": [0.0, 0.0, -8.0, 0.0, 0.0, 0.0],
    "almost still": [1e-3, 1e-3, 0.0, 0.0, 0.0, 1e-4],
}


@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS.keys())
@pytest.mark.parametrize("implementation", ["streaming", "xla"])
def test_streaming_equals_dense(motion, implementation):
    inputs = warp_inputs(motion=motion)
    expected, expected_gradients = with_gradients(dense_warp, inputs)
    got, gradients = with_gradients(
        lambda *a: forward_warp(*a, implementation=implementation), inputs
    )
    for e, g in zip(expected, got):
        np.testing.assert_allclose(g, e, atol=1e-12)
    for e, g in zip(expected_gradients, gradients):
        np.testing.assert_allclose(g, e, atol=1e-9)


def test_streaming_in_a_function_under_an_outer_tape():
    """As in training: inside tf.function, inputs computed from variables."""
    inputs = warp_inputs()
    _, expected = with_gradients(dense_warp, inputs)
    _, gradients = tf.function(lambda *a: with_gradients(forward_warp, a))(*inputs)
    for e, g in zip(expected, gradients):
        np.testing.assert_allclose(g, e, atol=1e-9)


@pytest.mark.parametrize("index", range(5), ids=["image", "logits", "beta", "R", "t"])
def test_gradients_against_finite_differences(index):
    inputs = warp_inputs(height=7, width=9, levels=5)

    def function(*a):
        return forward_warp(*a, implementation="streaming")

    _, gradients = with_gradients(function, inputs)
    direction = np.random.default_rng(index).normal(size=inputs[index].shape)
    weight = np.random.default_rng(1).normal(size=inputs[0].shape)
    step, values = 1e-7, []
    for sign in (1, -1):
        moved = list(inputs)
        moved[index] = inputs[index] + sign * step * direction
        values.append(float(tf.reduce_sum(function(*moved)[0] * weight)))
    numeric = (values[0] - values[1]) / (2 * step)
    analytic = float(tf.reduce_sum(gradients[index] * direction))
    assert analytic != 0
    np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=1e-6)


def test_an_image_that_is_data_changes_no_other_gradient():
    inputs = warp_inputs()
    _, expected = with_gradients(forward_warp, inputs)
    _, got = with_gradients(lambda *a: forward_warp(*a, image_gradient=False), inputs)
    assert not got[0].numpy().any() and expected[0].numpy().any()
    for e, g in zip(expected[1:], got[1:]):
        np.testing.assert_allclose(g, e, atol=1e-12)


def test_plane_coordinates_invert_brute_force_projection():
    """q_n(x) projected with depth 1/d_n lands on x again."""
    height, width = 12, 20
    _, _, _, rotation, translation, k, _ = warp_inputs(motion=[0.4, -0.2, 0.9, 0.05, -0.1, 0.02])
    k_reference = camera.resize_intrinsics(k, 1.1, 0.9)
    planes = Planes.between(pose.Motion(rotation, translation), k, k_reference)
    a, b, _, s3 = planes.coordinates(height, width)
    for d in (0.005, 0.05, 0.3):
        assert np.all(1 + d * s3.numpy() > 0)
        q = a + d * b
        homogeneous = tf.concat([q, tf.ones_like(q[..., :1])], axis=-1)
        rays = tf.einsum("bij,bhwj->bhwi", camera.invert_intrinsics(k), homogeneous)
        points = tf.reshape(rays / d, [2, -1, 3])
        moved = tf.einsum("bij,bnj->bni", rotation, points) + translation[:, None]
        pixels = tf.reshape(camera.project(moved, k_reference), [2, height, width, 2])
        expected = camera.pixel_grid(height, width, tf.float64)[None, ..., :2]
        np.testing.assert_allclose(pixels, tf.repeat(expected, 2, axis=0), atol=1e-9)


@pytest.mark.parametrize("implementation", ["streaming", "xla"])
def test_identity_pose_reproduces_the_image(implementation):
    inputs = warp_inputs(motion=[0.0] * 6, dtype=tf.float32)
    view, occlusion, masks = forward_warp(
        *inputs, masks=inputs[0][..., :1], implementation=implementation
    )
    np.testing.assert_allclose(view, inputs[0], atol=2e-5)
    np.testing.assert_allclose(occlusion, np.ones(occlusion.shape), atol=1e-5)
    np.testing.assert_allclose(masks, inputs[0][..., :1], atol=2e-5)


def test_sideways_motion_shifts_a_plane():
    """A one-hot level and t_x: reference pixel x shows target pixel x - f t_x d."""
    image, logits, beta, *_, k, _ = warp_inputs(levels=7)
    level = 4
    logits = tf.one_hot(tf.fill(logits.shape[:3], level), 7, dtype=tf.float64) * 60
    beta = tf.ones_like(beta)
    d = quantization.inverse_depth_levels(beta[:1, 0, 0], 7, LOW, HIGH).numpy()[0, level]
    fx, shift = float(k[0, 0, 0]), 3
    rotation, translation = pose.se3_exp(np.array([[shift / (fx * d), 0, 0, 0, 0, 0]] * 2))
    view, occlusion, _ = forward_warp(image, logits, beta, rotation, translation, k, k)
    np.testing.assert_allclose(view[:, :, shift:], image[:, :, :-shift], atol=1e-7)
    np.testing.assert_allclose(occlusion[:, :, shift:], 1, atol=1e-7)
    np.testing.assert_allclose(occlusion[:, :, :shift], 0, atol=1e-7)


def test_rotation_alone_does_not_depend_on_depth():
    inputs = warp_inputs(motion=[0, 0, 0, 0.02, 0.05, 0.1])
    first = forward_warp(*inputs).view
    inputs[1] = tf.reverse(inputs[1], axis=[-1])
    np.testing.assert_allclose(forward_warp(*inputs).view, first, atol=1e-10)


@pytest.mark.parametrize(
    "motion",
    [[0, 0, 0, 0, np.pi, 0], [0, 0, -1000, 0, 0, 0], [1e6, 0, 0, 0, 0, 0], [0, 0, 0, 1.5708, 0, 0]],
    ids=["turned around", "far behind", "far aside", "right angle"],
)
def test_extreme_poses_stay_finite(motion):
    inputs = warp_inputs(motion=motion, dtype=tf.float32)
    outputs, gradients = with_gradients(forward_warp, inputs)
    for value in [*outputs, *gradients]:
        assert np.isfinite(value).all()


def test_what_no_level_sees_is_black_and_occluded():
    inputs = warp_inputs(motion=[0, 0, 0, 0, np.pi, 0])
    view, occlusion, _ = forward_warp(*inputs)
    assert not view.numpy().any() and not occlusion.numpy().any()


def test_saturated_logits_stay_finite():
    inputs = warp_inputs(dtype=tf.float32)
    inputs[1] *= 1e4
    outputs, gradients = with_gradients(forward_warp, inputs)
    for value in [*outputs, *gradients]:
        assert np.isfinite(value).all()


def test_off_image_samples_do_not_win():
    """Huge logits of a level that leaves the image give way to the level that stays."""
    image, logits, beta, *_, k, _ = warp_inputs(levels=2)
    logits = tf.concat([tf.zeros_like(logits[..., :1]), 50 + 0 * logits[..., 1:]], axis=-1)
    fx = float(k[0, 0, 0])
    rotation, translation = pose.se3_exp(np.array([[100 / (fx * HIGH), 0, 0, 0, 0, 0]] * 2))
    view = forward_warp(image, logits, beta, rotation, translation, k, k).view.numpy()
    shift = 100 * LOW / HIGH  # of the far level
    assert view[:, :, int(np.ceil(shift)) :].min() > 0


def test_masks_and_occlusion_give_no_gradient():
    inputs = warp_inputs()
    logits = inputs[1]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        _, occlusion, masks = forward_warp(inputs[0], logits, *inputs[2:], masks=inputs[0][..., :1])
        loss = tf.reduce_sum(occlusion) + tf.reduce_sum(masks)
    gradient = tape.gradient(loss, logits)
    assert gradient is None or not gradient.numpy().any()


def test_layer_round_trip():
    *maps, rotation, translation, k_target, k_reference = warp_inputs(dtype=tf.float32)
    layer = AdaptiveForwardWarp(0.01, 0.4, "streaming")
    check_layer(layer, *maps, (rotation, translation), k_target, k_reference)


def test_the_layer_is_the_function_in_float32():
    inputs = warp_inputs(dtype=tf.float32)
    target, planes, _ = warp_arguments(*inputs)
    expected = forward.forward_warp(target, planes, Levels(6, 0.01, 0.4))
    layer = AdaptiveForwardWarp(0.01, 0.4)
    motion = pose.Motion(*inputs[3:5])
    half = (tf.cast(value, tf.float16) for value in inputs[:3])
    for got, wanted in zip(layer(*inputs[:3], motion, *inputs[5:]), expected):
        np.testing.assert_array_equal(got, wanted)
    for got, wanted in zip(layer(*half, motion, *inputs[5:]), expected):
        assert got.dtype == tf.float32
        np.testing.assert_allclose(got, wanted, atol=0.05)


def test_compositing_matches_golden():
    """The released code's plane warp, composited from its own grids, where every sample lies
    inside the image (outside it lets zero logits take part, which ours does not)."""
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    golden = np.load(pathlib.Path(root) / "golden" / "a_plane_warp_trans.npz")
    height, width = golden["image"].shape[1:3]
    grid = np.moveaxis(golden["grid"].astype(np.float64), 1, 3)
    pixels = (grid + 1) / 2 * [width - 1, height - 1]
    view, _, weights = dense.composite(
        tf.constant(golden["image"].astype(np.float64)),
        tf.constant(golden["logits"].astype(np.float64)),
        tf.constant(pixels),
    )
    inside = ((pixels >= 0) & (pixels <= [width - 1, height - 1])).all(axis=(-1, -2))
    assert inside.mean() > 0.3
    np.testing.assert_allclose(view.numpy()[inside], golden["synth"][inside], atol=1e-5)
    np.testing.assert_allclose(weights.numpy()[inside], golden["prob_ref"][inside], atol=1e-5)
