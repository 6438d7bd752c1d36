"""Learned K: the same before and after any window, and found from images whose depth is known."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.data import augmentation
from aquanet_tf.geometry import camera, pose
from aquanet_tf.layers import AdaptiveForwardWarp, LearnedIntrinsics, backward_warp
from aquanet_tf.layers.quantization import inverse_depth_levels
from tests.support.layers import check_layer
from tests.support.scenes import intrinsics

HEIGHT, WIDTH, LEVELS = 48, 64, 9
LIMITS = (0.05, 0.5)


def learned(*numbers):
    layer = LearnedIntrinsics(len(numbers))
    layer.start(numbers)
    return layer


def test_it_can_be_saved_and_starts_at_the_first_guess():
    k = tf.constant(intrinsics(10, 16, 3), tf.float32)
    data_set, size = tf.one_hot([0, 1, 1], 2), tf.constant([[16.0, 10.0]] * 3)
    layer = LearnedIntrinsics(2)
    check_layer(layer, k, data_set, size)
    np.testing.assert_array_equal(layer(k, data_set, size), k)
    assert float(layer.pull()) == 0
    assert {name: float(value) for name, value in layer.report().items()} == {
        **{"fx_0": 1, "fy_0": 1, "cx_0": 0, "cy_0": 0},
        **{"fx_1": 1, "fy_1": 1, "cx_1": 0, "cy_1": 0},
    }


def test_pixels_stay_square_and_focal_lengths_are_free():
    """A wrong field of view is usual, pixels that are not square are not."""
    layer = LearnedIntrinsics()

    def pull(*numbers):
        layer.start([numbers])
        return float(layer.pull())

    assert pull(0.3, 0.3, 0.0, 0.0) == pytest.approx(1.0, rel=1e-5)
    assert pull(0.0, 0.0, 0.05, 0.0) == pytest.approx(1.0, rel=1e-5)
    assert pull(0.05, -0.05, 0.0, 0.0) == pytest.approx(100.0, rel=1e-4)


def test_each_data_set_has_its_own_numbers():
    k = tf.constant(intrinsics(10, 16, 2), tf.float32)
    layer = learned([np.log(1.3), np.log(0.8), 0.125, -0.1], [0.0, 0.0, 0.0, 0.0])
    found = layer(k, tf.one_hot([0, 1], 2), tf.constant([[16.0, 10.0]] * 2)).numpy()
    wanted = k[0].numpy() * [[1.3, 1, 1], [1, 0.8, 1], [1, 1, 1]]
    wanted += [[0, 0, 2], [0, 0, -1], [0, 0, 0]]
    np.testing.assert_allclose(found[0], wanted, rtol=1e-6)
    np.testing.assert_array_equal(found[1], k[1])


@settings(max_examples=25)
@given(
    st.lists(st.floats(-0.4, 0.4), min_size=4, max_size=4),
    st.integers(0, 2**31 - 1),
    st.booleans(),
    st.tuples(st.integers(20, 60), st.integers(30, 90)),
)
def test_corrected_before_the_window_or_after_is_the_same(numbers, seed, mirror, size):
    """Resize, crop and mirroring, of images of any size."""
    height, width = size
    layer = learned(numbers)
    k = tf.constant(intrinsics(height, width)[0], tf.float32)
    window = augmentation.random_window([seed, 0], size, (16, 24), (0.5, 1.5))

    def seen(k):
        k = camera.flip_intrinsics(k, width) if mirror else k
        return augmentation.window_geometry(k, height, width, window)[0]

    one = tf.ones([1, 1])
    stored = tf.constant([[width, height]], tf.float32)
    before = seen(layer(k[None], one, stored)[0])
    whole = augmentation.whole_size(window, tf.constant(mirror))
    after = layer(seen(k)[None], one, whole[None])[0]
    np.testing.assert_allclose(before, after, atol=2e-4)


def scene(true_k):
    """Target, two references, inverse depth [1,H,W,1] and ego-motions (R, t) of a wall with a box
    before it, both facing the target, drawn exactly under `true_k` [1,3,3]."""
    levels = inverse_depth_levels(tf.ones([1]), LEVELS, *LIMITS).numpy().tolist()
    wall, box = 1 / levels[3], 1 / levels[6]

    def texture(x, y):
        waves = [np.sin(1.3 * x + 0.4), np.sin(1.1 * y + 0.7 * x), np.sin(0.9 * x - 1.2 * y)]
        return 0.5 + 0.3 * np.stack(waves, axis=-1)

    def draw(rotation, translation):
        """What a camera sees whose frame is R X + t of the target's."""
        rays = camera.pixel_rays(true_k[0], HEIGHT, WIDTH).numpy() @ rotation
        start = -rotation.T @ translation
        image = None
        for z in (wall, box):
            points = start + (z - start[2]) / rays[..., 2:] * rays
            x, y = points[..., 0], points[..., 1]
            inside = (abs(x) < 0.9) & (abs(y) < 0.7) & (z == box)
            drawn = texture(1.5 * x * box / z, 1.5 * y * box / z)
            image = drawn if image is None else np.where(inside[..., None], drawn, image)
        depth = np.where(inside, 1 / box, 1 / wall)
        return image.astype(np.float32)[None], depth.astype(np.float32)[None, ..., None]

    vectors = [[0.1, -0.05, 0.5, 0.01, 0.04, 0.02], [-0.1, 0.1, -0.5, -0.02, -0.03, 0.01]]
    motions = [pose.se3_exp(tf.constant([vector], tf.float64)) for vector in vectors]
    target, depth = draw(np.eye(3), np.zeros(3))
    references = [draw(r[0].numpy(), t[0].numpy())[0] for r, t in motions]
    return (
        target,
        references,
        depth,
        [(tf.cast(r, "float32"), tf.cast(t, "float32")) for r, t in motions],
    )


def synthesis_error(warping, drawn, k):
    """L1 of the synthesized views where they are known, with true depth and ego-motion."""
    target, references, depth, motions = drawn
    warp = AdaptiveForwardWarp(*LIMITS, "streaming")
    loss = 0.0
    for reference, motion in zip(references, motions):
        if warping == "backward":
            view, seen = backward_warp.backward_warp(reference, depth, *motion, k, k)
            truth = target
        else:
            levels = inverse_depth_levels(tf.ones([1]), LEVELS, *LIMITS)
            logits = 20.0 - 20.0 * tf.cast(abs(levels / depth - 1) > 0.1, tf.float32) * 2
            view, seen, _ = warp(target, logits, tf.ones_like(depth), motion, k, k, None)
            truth = reference
        weight = tf.cast(seen, tf.float32)
        loss += tf.reduce_sum(abs(view - truth) * weight) / tf.reduce_sum(weight)
    return loss


@pytest.mark.parametrize("warping", ["backward", "forward"])
@pytest.mark.parametrize("wrong", [1.3, 0.7])
def test_a_wrong_camera_is_found_from_true_depth_and_motion(warping, wrong):
    """So the gradient of both warps reaches K, and points the right way."""
    true_k = tf.constant(intrinsics(HEIGHT, WIDTH), tf.float32)
    drawn = scene(true_k)
    guess = true_k * [[wrong, 1, 1], [1, wrong, 1], [1, 1, 1]] + [[0, 0, 3], [0, 0, -2], [0, 0, 0]]
    layer = LearnedIntrinsics()
    size = tf.constant([[WIDTH, HEIGHT]], tf.float32)
    optimizer = tf.keras.optimizers.Adam(6e-3)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            k = layer(guess, tf.ones([1, 1]), size)
            loss = synthesis_error(warping, drawn, k)
        variables = layer.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    optimizer.build(layer.trainable_variables)
    errors = [float(step()) for _ in range(80)]
    assert float(synthesis_error(warping, drawn, true_k)) < 0.3 * errors[0]
    k = layer(guess, tf.ones([1, 1]), size)[0].numpy()
    np.testing.assert_allclose([k[0, 0], k[1, 1]], [true_k[0, 0, 0], true_k[0, 1, 1]], rtol=0.03)
    np.testing.assert_allclose(k[:2, 2], true_k[0, :2, 2], atol=1.0)
