"""Synthesis loss (Eq. 11): masks take pixels out, one scale is L1, no gradient through labels."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.losses import SynthesisLoss, VGG19Features, synthesis
from tests.support.layers import check_layer


def field(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).random(shape), tf.float32)


A, B = field(3, 24, 40, 3), field(3, 24, 40, 3, seed=1)


def test_masked_l1_does_not_depend_on_the_masked_share():
    error = A + 0.1
    for share in (1.0, 0.5, 0.01):
        mask = tf.cast(field(3, 24, 40, 1, seed=3) < share, tf.float32)
        np.testing.assert_allclose(synthesis.masked_l1(error, A, mask), [0.1] * 3, rtol=1e-3)


@pytest.mark.parametrize("scales", [1, 4])
def test_all_masked_costs_nothing_and_has_no_gradient(scales):
    view = tf.Variable(A)
    with tf.GradientTape() as tape:
        loss = synthesis.pyramid_l1(view, B, tf.zeros([3, 24, 40, 1]), scales)
    np.testing.assert_array_equal(loss, np.zeros(3))
    gradient = tape.gradient(loss, view)
    assert np.isfinite(gradient).all() and not gradient.numpy().any()


def test_masked_pixels_never_matter():
    mask = tf.cast(field(3, 24, 40, 1, seed=3) < 0.5, tf.float32)
    spoiled = A + 100 * (1 - mask)
    for scales in (1, 3):
        np.testing.assert_allclose(
            synthesis.pyramid_l1(spoiled, B, mask, scales),
            synthesis.pyramid_l1(A, B, mask, scales),
            rtol=1e-4,
        )


def test_one_scale_is_plain_l1():
    mask = tf.ones([3, 24, 40, 1])
    expected = np.abs(A.numpy() - B.numpy()).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(synthesis.pyramid_l1(A, B, mask, 1), expected, rtol=1e-5)


def test_perceptual_label_carries_no_gradient_where_masked():
    features = VGG19Features("random")
    view = tf.Variable(A[:1])
    mask = tf.concat([tf.zeros([1, 24, 20, 1]), tf.ones([1, 24, 20, 1])], axis=2)
    with tf.GradientTape(persistent=True) as tape:
        loss = synthesis.perceptual(features, view, B[:1], mask)
        fixed = tf.constant((1 - mask) * view.numpy() + mask * B[:1])
        pairs = list(zip(features(view), features(fixed)))
        expected = tf.add_n([tf.reduce_mean((a - b) ** 2, axis=[1, 2, 3]) for a, b in pairs])
    assert loss.shape == (1,) and float(loss[0]) > 0
    got, wanted = tape.gradient(loss, view), tape.gradient(expected, view)
    assert np.abs(wanted).sum() > 0
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-7)
    everything_masked = synthesis.perceptual(features, A[:1], B[:1], 0 * mask)
    np.testing.assert_allclose(everything_masked, [0.0], atol=1e-9)


@pytest.mark.parametrize("weights", ["none", "random"])
def test_layer(weights):
    loss = SynthesisLoss(pyramid_scales=3, perceptual_weight=0.5, vgg19_weights=weights)
    mask = field(3, 24, 40, 1, seed=3)
    (value,) = check_layer(loss, A, B, mask)
    photometric, perceptual = loss.parts(A, B, mask)
    np.testing.assert_array_equal(photometric, synthesis.pyramid_l1(A, B, mask, 3))
    np.testing.assert_allclose(value, photometric + 0.5 * perceptual, rtol=1e-6)
    assert (perceptual.numpy() > 0).all() == (weights == "random")
