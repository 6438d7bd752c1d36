"""Depth as a function: both heads, and what resizing does to it."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.layers import quantization
from aquanet_tf.networks import estimate
from tests.support.scenes import network_inputs

LOW, HIGH = 0.005, 0.3


def test_a_single_logit_is_a_direct_estimate():
    logits = tf.constant([[[[-50.0], [0.0], [50.0]]]])
    got = estimate.decode(logits, tf.ones_like(logits), LOW, HIGH)
    np.testing.assert_allclose(got.numpy().ravel(), [LOW, (LOW + HIGH) / 2, HIGH], rtol=1e-6)


def test_several_logits_are_decoded_by_their_levels():
    logits = tf.random.stateless_normal([1, 3, 4, 9], [1, 2])
    beta = tf.fill([1, 3, 4, 1], 1.5)
    expected = quantization.expected_inverse_depth(logits, beta, LOW, HIGH)
    np.testing.assert_array_equal(estimate.decode(logits, beta, LOW, HIGH), expected)


@pytest.mark.parametrize(
    "rule, power", [("proportional", 1), ("invariant", 0), ("inverse", -1), ("none", 0)]
)
def test_growth_with_resolution_is_undone(rule, power):
    """An estimate that follows the rule is the same at every scale."""

    def follows(image, grid, intrinsics):
        return tf.fill([*image.shape[:3], 1], 0.1 * (image.shape[2] / 40) ** power)

    inputs = network_inputs(24, 40)
    for factor in (0.75, 1.25):
        got = estimate.at_scale(follows, factor, rule)(*inputs)
        np.testing.assert_allclose(got, np.full((2, 24, 40, 1), 0.1), rtol=1e-5)


def test_a_mirrored_estimate_is_mirrored_back():
    image, grid, k = network_inputs(8, 12)
    got = estimate.mirrored(lambda image, grid, k: image[..., :1] * grid[..., :1])(image, grid, k)
    np.testing.assert_allclose(got, image[..., :1] * -grid[..., :1], atol=1e-6)


def test_a_known_value_saves_its_pass():
    inputs, calls = network_inputs(8, 12), []

    def counted(image, grid, k):
        calls.append(grid)
        return image[..., :1] + grid[..., :1]

    known = estimate.with_known(counted, inputs, tf.zeros([2, 8, 12, 1]))
    assert not known(*inputs).numpy().any() and not calls
    image, grid, k = inputs
    np.testing.assert_array_equal(known(image, grid + 1.0, k), counted(image, grid + 1.0, k))
    assert len(calls) == 2
