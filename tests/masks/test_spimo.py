"""SPIMO masks: dispersion against its formula, passes, shifts, and a network that was fooled."""

import dataclasses
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.config.options import Config
from aquanet_tf.masks import spimo
from aquanet_tf.networks import build
from tests.support.scenes import network_inputs

HEIGHT, WIDTH = 12, 20
SMALL = {"width": 0.0625, "levels": 5}


def inputs(batch=2, seed=0):
    return network_inputs(HEIGHT, WIDTH, batch, seed)


def of_the_grid(image, grid, intrinsics):
    """Red things are memorized by place, the others are not."""
    del intrinsics
    color = image[..., :1]
    return tf.where(color > 0.5, 0.05 * tf.exp(grid[..., :1]), 0.05)


@given(st.integers(0, 10**6), st.integers(2, 6))
def test_dispersion_is_unbiased_variance_over_squared_mean(seed, count):
    depths = np.random.default_rng(seed).uniform(3.0, 200.0, (3, 4, count))
    expected = depths.var(axis=-1, ddof=1) / depths.mean(axis=-1) ** 2
    got = spimo.dispersion(tf.constant(depths))
    np.testing.assert_allclose(got[..., 0], expected, rtol=1e-9, atol=1e-15)
    # A property of the estimates' ratio alone: no unit of depth enters.
    np.testing.assert_allclose(spimo.dispersion(tf.constant(7.5 * depths)), got, rtol=1e-9)


def test_dispersion_matches_golden():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    golden = np.load(pathlib.Path(root) / "golden" / "e_dispersion_formula.npz")
    got = spimo.dispersion(tf.constant(1.0 / golden["disp"]))[:, 0]
    np.testing.assert_allclose(got, golden["dispersion"], rtol=1e-9)
    assert Config().spimo_threshold == golden["gamma"]
    static = spimo.static_mask(tf.cast(got, tf.float32), Config().spimo_threshold)
    np.testing.assert_array_equal(static, golden["static"])


def test_one_estimate_has_no_dispersion():
    with pytest.raises(ValueError, match="two or more"):
        spimo.dispersion(tf.ones([1, 2, 2, 1]))


def test_defaults_are_the_papers():
    assert spimo.grid_shifts(Config()) == [(0, 0), (0.5, 0), (-0.5, 0), (0, -0.25)]
    assert spimo.grid_shifts(Config(spimo_passes=3)) == [(0, 0), (0.5, 0), (-0.5, 0)]


@pytest.mark.parametrize("passes", [3, 4])
def test_passes_go_through_one_call_in_the_order_of_the_shifts(passes):
    calls = []

    def estimate(image, grid, intrinsics):
        calls.append(image.shape[0])
        assert intrinsics.shape == (image.shape[0], 3, 3)
        return image[..., :1] + 10 * grid[..., :1] + 1000 * grid[..., 1:]

    image, grid, k = inputs()
    settings = Config(spimo_passes=passes)
    volume = spimo.inverse_depth_volume(estimate, image, grid, k, settings)
    assert calls == [2 * passes]
    for channel, (u, v) in enumerate(spimo.grid_shifts(settings)):
        shifted = estimate(image, grid + [u, v], k)
        np.testing.assert_allclose(volume[..., channel], shifted[..., 0], rtol=1e-6)


def test_what_was_learned_by_place_is_found():
    image, grid, k = inputs()
    static = spimo.masks(of_the_grid, image, grid, k, Config()).numpy()
    np.testing.assert_array_equal(static, image[..., :1].numpy() <= 0.5)


def test_the_top_may_count_as_static():
    image, grid, k = inputs()
    static = spimo.masks(of_the_grid, image, grid, k, Config(spimo_ignore_top=0.0))
    top = grid[..., 1:].numpy() < 0
    np.testing.assert_array_equal(static, top | (image[..., :1].numpy() <= 0.5))


@pytest.mark.parametrize("margin", [1, 3])
def test_masks_grow_by_the_margin_at_every_threshold(margin):
    image, grid, k = inputs()
    image = tf.where(tf.random.stateless_uniform(image.shape[:3], [1, 2]) > 0.97, 1.0, 0.0)
    image = tf.repeat(image[..., None], 3, axis=-1)
    for options in (Config(), Config(spimo_threshold=0.1), Config(spimo_ignore_top=-0.25)):
        moving = spimo.masks(of_the_grid, image, grid, k, options)[..., 0].numpy() == 0
        wider = dataclasses.replace(options, spimo_margin=margin)
        static = spimo.masks(of_the_grid, image, grid, k, wider)[..., 0].numpy()
        expected = np.zeros_like(moving)
        for batch, row, column in np.argwhere(moving):
            rows, columns = (slice(max(at - margin, 0), at + margin + 1) for at in (row, column))
            expected[batch, rows, columns] = True
        expected &= grid[..., 1].numpy() >= options.spimo_ignore_top
        np.testing.assert_array_equal(static == 0, expected)
        assert 0 < moving.sum() < expected.sum() < expected.size


def test_a_threshold_of_zero_keeps_nothing():
    image, grid, k = inputs()
    assert not spimo.masks(of_the_grid, image, grid, k, Config(spimo_threshold=0.0)).numpy().any()


def test_probability_is_even_at_the_threshold_and_follows_the_mask():
    options = Config(spimo_threshold=0.04)
    score = tf.constant([0.0, 0.01, 0.0399, 0.0401, 0.36, 1e9])[:, None]
    probability = spimo.moving_probability(score, options)[:, 0]
    np.testing.assert_allclose(probability, [0, 0.2, 0.4994, 0.5006, 0.9, 1], atol=1e-4)
    static = spimo.static_mask(score, 0.04)[:, 0]
    np.testing.assert_array_equal(static, probability < 0.5)
    np.testing.assert_array_equal(spimo.static_mask(score.numpy()[:, 0], 0.04), static)
    zero = Config(spimo_threshold=0.0)
    np.testing.assert_array_equal(spimo.moving_probability(score, zero)[:2, 0], [0, 1])


def test_only_stage_one_on_crops_is_readable():
    assert spimo.readable(Config())
    for options in ({"depth_scaling": "none"}, {"stage": "2", "stage1_workdir": "x"}):
        assert not spimo.readable(Config(**options))


def test_renormalizing_undoes_what_a_vertical_shift_does_to_everything():
    def of_height(image, grid, intrinsics):
        """A road: all of it comes nearer when the grid moves down."""
        del intrinsics
        return 0.05 * (1 + 0.3 * tf.reduce_mean(grid[..., 1:], [1, 2], keepdims=True)) + (
            0.02 * image[..., :1]
        )

    image, grid, k = inputs()
    plain, renormalized = (
        spimo.dispersion_map(
            of_height, image, grid, k, Config(spimo_renormalize=on, spimo_shift_v=-0.8)
        ).numpy()
        for on in (False, True)
    )
    assert plain.min() > 1e-3
    np.testing.assert_allclose(renormalized, 0.0, atol=1e-9)


def test_passes_at_another_resolution_come_back_at_the_images_size():
    sizes = []

    def estimate(image, grid, intrinsics):
        sizes.append((*image.shape[1:3], float(intrinsics[0, 0, 0]), float(intrinsics[0, 1, 1])))
        return of_the_grid(tf.ones_like(image), grid, intrinsics)

    image, grid, k = inputs()
    settings = Config(spimo_resolution=0.5)
    value = spimo.dispersion_map(estimate, image, grid, k, settings)
    assert sizes == [(6, 10, 10.0, 9.0)]
    full = spimo.dispersion_map(estimate, image, grid, k, Config())
    assert value.shape == full.shape == (2, HEIGHT, WIDTH, 1)
    np.testing.assert_allclose(value[:, 2:-2, 2:-2], full[:, 2:-2, 2:-2], rtol=0.1)


@pytest.mark.parametrize("how", ["plain", "boosted"])
def test_a_network_in_a_graph_of_unknown_size(how):
    options = Config(**SMALL)
    network = build.build_depth_network(options)
    estimate = spimo.source(network, options, how)
    image, grid, k = inputs()
    specs = [tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, None, None, 2])]

    @tf.function(input_signature=[*specs, tf.TensorSpec([None, 3, 3])])
    def graph(*values):
        return spimo.dispersion_map(estimate, *values, options)

    value = graph(image, grid, k)
    assert value.shape == (2, HEIGHT, WIDTH, 1) and np.isfinite(value).all()
    eager = spimo.dispersion_map(estimate, image, grid, k, options)
    np.testing.assert_allclose(value, eager, rtol=1e-2, atol=1e-6)


def test_no_gradient_reaches_the_frozen_network():
    options = Config(**SMALL)
    network = build.build_depth_network(options)
    with tf.GradientTape() as tape:
        value = spimo.dispersion_map(spimo.source(network, options), *inputs(), options)
        total = tf.reduce_sum(value)
    gradients = tape.gradient(total, network.trainable_variables)
    assert all(gradient is None for gradient in gradients)
