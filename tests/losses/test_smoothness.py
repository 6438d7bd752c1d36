"""Smoothness (l_ds of Eq. 10): invariances, edges, Monodepth2's values, and the layer."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.losses import SmoothnessLoss
from aquanet_tf.losses.smoothness import smoothness
from tests.losses.test_synthesis import A, field
from tests.support.layers import check_layer


def test_smoothness_of_constant_and_scaled_depth():
    flat = tf.fill([3, 24, 40, 1], 0.1)
    np.testing.assert_allclose(smoothness(flat, A), np.zeros(3), atol=1e-7)
    depth = field(3, 24, 40, 1)
    np.testing.assert_allclose(smoothness(depth, A), smoothness(7 * depth, A), rtol=1e-4)


def test_smoothness_forgives_steps_at_image_edges():
    step = tf.cast(tf.range(40)[None, None, :, None] >= 20, tf.float32) * tf.ones([1, 24, 1, 1])
    depth, edges, blank = 1 + step, tf.repeat(step, 3, axis=-1) * 4, tf.zeros([1, 24, 40, 3])
    assert float(smoothness(depth, edges)[0]) < 0.05 * float(smoothness(depth, blank)[0])


def test_smoothness_matches_golden():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    golden = np.load(pathlib.Path(root) / "golden" / "d_smoothness.npz")
    image, disparity = tf.constant(golden["image"]), tf.Variable(golden["disp"])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(smoothness(disparity, image))
    np.testing.assert_allclose(loss, golden["loss_md2_mean_normalised"], rtol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(loss, disparity), golden["grad_md2_mean_normalised"], rtol=1e-4, atol=1e-9
    )


def test_layer():
    depth = field(3, 24, 40, 1)
    (value,) = check_layer(SmoothnessLoss(edge=2.0), depth, A)
    np.testing.assert_array_equal(value, smoothness(depth, A, 2.0))
