"""SSIM with and without a mask. Its numbers against Monodepth2's are in tests of the auto-mask."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.losses import SynthesisLoss, photometric, synthesis

RNG = np.random.default_rng(4)
A, B = (tf.constant(RNG.random((2, 16, 24, 3)), tf.float32) for _ in range(2))
MASK = tf.constant(RNG.random((2, 16, 24, 1)) > 0.4, tf.float32)


def test_a_share_of_zero_is_l1_to_the_bit():
    l1 = tf.reduce_mean(tf.abs(A - B), axis=-1, keepdims=True)
    np.testing.assert_array_equal(photometric.photometric_error(A, B, 0.0, MASK), l1)


def test_equal_weights_are_no_weights():
    plain = photometric.ssim_error(A, B)
    for weight in (1.0, 0.25):
        same = photometric.ssim_error(A, B, tf.fill([2, 16, 24, 1], weight))
        np.testing.assert_allclose(same, plain, atol=1e-5)


def test_ssim_forgives_a_change_of_contrast_that_l1_does_not():
    darker = 0.8 * A
    l1 = photometric.photometric_error(A, darker, 0.0)
    mixed = photometric.photometric_error(A, darker)
    assert tf.reduce_mean(mixed) < 0.6 * tf.reduce_mean(l1)


@pytest.mark.parametrize("scales", [1, 3])
def test_masked_pixels_never_matter(scales):
    """Not as neighbors either: what fills a hole of the warp has no influence on any gradient."""
    losses, gradients = [], []
    for hole in (0.0, 1.0, 0.3):
        view = tf.Variable(A * MASK + hole * (1 - MASK))
        with tf.GradientTape() as tape:
            loss = synthesis.pyramid_l1(view, B, MASK, scales, 0.85)
        losses.append(loss.numpy())
        gradients.append(tape.gradient(loss, view).numpy())
    for loss, gradient in zip(losses[1:], gradients[1:]):
        np.testing.assert_allclose(loss, losses[0], rtol=1e-5)
        np.testing.assert_allclose(gradient, gradients[0], atol=1e-6)
    assert np.isfinite(gradients).all() and (gradients[0][MASK[..., 0] == 0] == 0).all()


def test_all_masked_costs_nothing_and_has_no_gradient():
    view = tf.Variable(A)
    with tf.GradientTape() as tape:
        loss = synthesis.pyramid_l1(view, B, tf.zeros_like(MASK), 3, 0.85)
    assert (loss.numpy() == 0).all() and (tape.gradient(loss, view).numpy() == 0).all()


def test_the_layer_has_the_share():
    layer = SynthesisLoss(pyramid_scales=2, ssim_weight=0.85)
    expected = synthesis.pyramid_l1(A, B, MASK, 2, 0.85)
    np.testing.assert_array_equal(layer(A, B, MASK), expected)
    assert SynthesisLoss.from_config(layer.get_config()).ssim_weight == 0.85
    assert not np.allclose(expected, synthesis.pyramid_l1(A, B, MASK, 2))
