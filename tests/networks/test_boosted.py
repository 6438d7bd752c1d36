"""Boosted depth: weights that sum up, the scale of each estimate, the loss, post-processing."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.losses import boosting
from aquanet_tf.networks import boosted, post_processing
from tests.support.scenes import network_inputs

HEIGHT, WIDTH = 24, 40


def inputs(batch=2, seed=0):
    return network_inputs(HEIGHT, WIDTH, batch, seed)


def ramp(image, grid, intrinsics):
    """Inverse depth that grows with resolution, as a network trained `proportional` has it."""
    share = image.shape[2] / WIDTH
    return share * (0.1 + 0.05 * grid[..., 1:])


@given(st.floats(0.005, 0.3), st.floats(0.0, 1.0))
def test_equal_estimates_blend_to_themselves(value, nearness):
    value = tf.fill([1, 2, 2, 1], tf.constant(value, tf.float64))
    blended = boosted.blend(value, value, value, tf.constant(nearness, tf.float64))
    np.testing.assert_allclose(blended, value, rtol=1e-12)


def test_far_things_follow_the_large_estimate_and_near_ones_the_small():
    full, small, large = (tf.fill([1, 1, 1, 1], v) for v in (1.0, 2.0, 3.0))
    np.testing.assert_allclose(boosted.blend(full, small, large, 0.0), [[[[2.0]]]])
    np.testing.assert_allclose(boosted.blend(full, small, large, 1.0), [[[[1.5]]]])


@given(st.floats(-1.5, 1.5))
@settings(deadline=None, max_examples=20)
def test_boosting_keeps_depth_however_it_scales_with_resolution(power):
    """`proportional` (power 1), `invariant` (0), `inverse` (-1), and networks in between: a label
    that is not the estimate itself would feed on itself from epoch to epoch."""
    image, grid, k = inputs()

    def estimate(image, grid, intrinsics):
        return (image.shape[2] / WIDTH) ** power * (0.1 + 0.05 * grid[..., 1:])

    star = boosted.boosted(estimate)(image, grid, k)
    np.testing.assert_allclose(star, estimate(image, grid, k), rtol=0.02)


def test_boosting_has_the_mean_of_the_estimate_in_each_image():
    """The sizes differ in shape, and the two images in scale."""
    image, grid, k = inputs()
    own = tf.constant([1.0, 0.1])[:, None, None, None]

    def estimate(image, grid, intrinsics):
        tilt = {40: 0.0, 30: 0.04, 50: -0.03}[image.shape[2]]
        return own * (0.1 + 0.05 * grid[..., 1:] + tilt * grid[..., :1])

    star = boosted.boosted(estimate)(image, grid, k)
    got, wanted = (tf.reduce_mean(v, [1, 2, 3]) for v in (star, estimate(image, grid, k)))
    np.testing.assert_allclose(got, wanted, rtol=0.05)
    assert float(tf.reduce_max(tf.abs(star / estimate(image, grid, k) - 1))) > 0.05


def test_grid_and_intrinsics_follow_the_image():
    seen = []

    def estimate(image, grid, intrinsics):
        assert image.shape[:3] == grid.shape[:3]
        seen.append((image.shape[1:3], float(intrinsics[0, 0, 0])))
        middle = tf.reduce_mean(grid, [1, 2])
        np.testing.assert_allclose(middle, tf.zeros_like(middle), atol=1e-5)
        return ramp(image, grid, intrinsics)

    boosted.boosted(estimate)(*inputs())
    assert [tuple(size) for size, _ in seen] == [(24, 40), (18, 30), (30, 50)]
    np.testing.assert_allclose([f for _, f in seen], [20.0, 15.0, 25.0])


def test_loss_counts_moving_pixels_relative_to_the_nearest():
    rng = np.random.default_rng(0)
    star = tf.constant(rng.uniform(0.01, 0.2, (2, 6, 8, 1)), tf.float32)
    static = np.ones((2, 6, 8, 1), np.float32)
    static[:, 2:4, 3:6] = 0
    depth = tf.Variable(star + 0.03 * (1 - static) + 5.0 * static)
    with tf.GradientTape() as tape:
        loss = boosting.boosting_loss(depth, star, tf.constant(static))
    share = 6 / 48  # of moving pixels: each weighs as much however many there are
    np.testing.assert_allclose(loss, share * 0.03 / star.numpy().max(axis=(1, 2, 3)), rtol=1e-4)
    gradient = tape.gradient(loss, depth).numpy()
    assert (gradient[static == 0] > 0).all() and not gradient[static == 1].any()
    np.testing.assert_array_equal(
        boosting.boosting_loss(depth, star, tf.ones([2, 6, 8, 1])), [0.0, 0.0]
    )


def test_loss_gives_its_label_no_gradient():
    star = tf.Variable(tf.fill([1, 2, 2, 1], 0.1))
    with tf.GradientTape() as tape:
        loss = boosting.boosting_loss(tf.fill([1, 2, 2, 1], 0.2), star, tf.zeros([1, 2, 2, 1]))
    assert tape.gradient(loss, star) is None


def by_place(image, grid, intrinsics):
    """Half from the picture, half from the place: a biased network that a mirror corrects."""
    return image.shape[2] / WIDTH * (0.1 + 0.02 * image[..., :1] + 0.05 * grid[..., :1])


def test_flip_cancels_what_depends_on_the_side_alone():
    image, grid, k = inputs()
    flipped = post_processing.post_processed(by_place, "flip")(image, grid, k)
    np.testing.assert_allclose(flipped, 0.1 + 0.02 * image[..., :1], rtol=1e-5)
    plain = post_processing.post_processed(by_place, "none")(image, grid, k)
    np.testing.assert_array_equal(plain, by_place(image, grid, k))


def test_multi_scale_post_processing_keeps_a_consistent_estimate():
    image, grid, k = inputs()
    value = post_processing.post_processed(ramp, "multi_scale")(image, grid, k)
    np.testing.assert_allclose(value, ramp(image, grid, k), rtol=0.02)


def test_multi_scale_blends_as_the_authors_do():
    """Constants per scale: n = 1 everywhere, so (d + d_small) / 2."""

    def estimate(image, grid, intrinsics):
        value = {40: 0.1, 30: 0.15, 50: 0.2}[image.shape[2]]
        return tf.fill([*image.shape[:3], 1], value)

    value = post_processing.post_processed(estimate, "multi_scale")(*inputs())
    np.testing.assert_allclose(value, (0.1 + 0.15 / 0.75) / 2, rtol=1e-5)
