import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.layers import quantization
from aquanet_tf.layers.quantization import AdaptiveQuantization
from tests.support.layers import check_layer

LOW, HIGH = 0.005, 0.3


def levels(beta, count=33):
    return quantization.inverse_depth_levels(tf.constant(beta)[..., None], count, LOW, HIGH).numpy()


@settings(max_examples=30, deadline=None)
@given(st.floats(0.4, 2.5), st.integers(2, 65))
def test_levels_rise_from_minimum_to_maximum(beta, count):
    d = levels(np.float64(beta), count)
    assert d.shape == (count,)
    np.testing.assert_allclose(d[[0, -1]], [LOW, HIGH], rtol=1e-12)
    assert np.all(np.diff(d) > 0)


def test_beta_one_is_the_exponential_scheme():
    n = np.arange(33) / 32
    np.testing.assert_allclose(levels(np.float64(1.0)), HIGH * (HIGH / LOW) ** (n - 1), rtol=1e-12)


def test_small_beta_puts_more_levels_near():
    assert np.all(levels(np.float64(0.5))[1:-1] > levels(np.float64(2.0))[1:-1])


def test_gradient_of_levels_is_finite_and_right():
    theoretical, numeric = tf.test.compute_gradient(
        lambda b: quantization.inverse_depth_levels(b, 5, LOW, HIGH),
        [tf.constant([[0.5], [1.0], [2.3]], tf.float64)],
    )
    np.testing.assert_allclose(theoretical[0], numeric[0], atol=2e-6)


def test_one_hot_logits_give_their_level():
    beta = tf.constant([[[[0.7]]]])
    d = quantization.inverse_depth_levels(beta, 9, LOW, HIGH).numpy().ravel()
    for n in range(9):
        logits = tf.one_hot([[[n]]], 9) * 100.0
        got = quantization.expected_inverse_depth(logits, beta, LOW, HIGH)
        np.testing.assert_allclose(got.numpy().ravel(), d[n], rtol=1e-5)


def test_layer_round_trip_and_float32():
    logits = tf.random.stateless_normal([1, 4, 5, 7], [1, 2])
    check_layer(AdaptiveQuantization(0.01, 0.5), logits, tf.ones([1, 4, 5, 1]))
    half = AdaptiveQuantization()(tf.cast(logits, tf.float16), tf.ones([1, 4, 5, 1]))
    assert half.dtype == tf.float32


def test_levels_match_golden():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    golden = np.load(pathlib.Path(root) / "golden" / "k_levels.npz")
    np.testing.assert_allclose(levels(np.float64(1.0)), golden["levels_f64"], rtol=1e-12)
    for beta, curve in zip(golden["betas"], golden["eq4_beta_over_Nm1"]):
        np.testing.assert_allclose(levels(np.float64(beta)), curve, rtol=1e-12)
