"""Synthesized views: what counts in the loss under masks, forward and backward."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.geometry import pose
from aquanet_tf.layers import quantization
from aquanet_tf.layers.warp.forward import AdaptiveForwardWarp
from aquanet_tf.training.stages import views
from tests.support import scenes

HEIGHT, WIDTH, LEVELS = 12, 20, 6


def scene(motion=(0.3, 0.0, 0.6, 0.0, 0.02, 0.0)):
    rng = np.random.default_rng(4)
    frames = tf.constant(rng.random((1, 3, HEIGHT, WIDTH, 3)), tf.float32)
    logits = tf.constant(2 * rng.normal(size=(1, HEIGHT, WIDTH, LEVELS)), tf.float32)
    beta = tf.ones([1, HEIGHT, WIDTH, 1])
    inverse_depth = quantization.expected_inverse_depth(logits, beta, 0.005, 0.3)
    motion = pose.se3_exp(tf.constant([motion], tf.float32))
    batch = {
        "target": frames[:, 1],
        "references": tf.stack([frames[:, 0], frames[:, 2]], axis=1),
        "intrinsics": tf.constant(scenes.intrinsics(HEIGHT, WIDTH), tf.float32),
    }
    return batch, views.Depth(logits, beta, inverse_depth), motion


def view(kind, batch, depth, motion, masks=None, c=1):
    if kind == "backward":
        return views.backward_view(batch, c, depth, motion, masks)
    warp = AdaptiveForwardWarp(implementation="streaming")
    return views.forward_view(warp, batch, c, depth, motion, masks)


def constant_masks(target=1.0, references=1.0):
    shape = [1, HEIGHT, WIDTH, 1]
    return views.Masks(tf.fill(shape, target), tf.fill([1, 2, *shape[1:]], references))


KINDS = pytest.mark.parametrize("kind", ["forward", "backward"])


@KINDS
def test_masks_of_ones_change_nothing(kind):
    inputs = scene()
    plain, masked = view(kind, *inputs), view(kind, *inputs, constant_masks())
    np.testing.assert_allclose(masked.image, plain.image, atol=1e-6)
    np.testing.assert_allclose(masked.weight, plain.weight, atol=1e-5)
    np.testing.assert_array_equal(plain.weight, plain.seen)


@KINDS
@pytest.mark.parametrize("which", ["target", "references"])
def test_either_mask_takes_everything_out(kind, which):
    masked = view(kind, *scene(), constant_masks(**{which: 0.0}))
    assert masked.seen.numpy().any() and not masked.weight.numpy().any()


@KINDS
def test_without_motion_the_weight_is_the_product(kind):
    rng = np.random.default_rng(0)
    target = tf.constant(rng.integers(0, 2, (1, HEIGHT, WIDTH, 1)), tf.float32)
    references = tf.constant(rng.integers(0, 2, (1, 2, HEIGHT, WIDTH, 1)), tf.float32)
    masks = views.Masks(target, references)
    got = view(kind, *scene(motion=[0.0] * 6), masks, c=0)
    expected = got.seen * target * references[:, 0]
    np.testing.assert_allclose(got.weight, expected, atol=1e-5)


@KINDS
def test_truth_is_the_view_that_is_synthesized(kind):
    inputs = scene()
    got = view(kind, *inputs, c=1)
    truth = inputs[0]["references"][:, 1] if kind == "forward" else inputs[0]["target"]
    np.testing.assert_array_equal(got.truth, truth)


@KINDS
def test_weights_carry_no_gradient(kind):
    batch, depth, motion = scene()
    with tf.GradientTape() as tape:
        tape.watch([depth.logits, depth.inverse_depth, *motion])
        weight = view(kind, batch, depth, motion, constant_masks()).weight
        total = tf.reduce_sum(weight)
    sources = [depth.logits, depth.inverse_depth, *motion]
    for gradient in tape.gradient(total, sources):
        assert gradient is None or not gradient.numpy().any()
