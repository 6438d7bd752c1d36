import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.losses import smoothness, synthesis, vgg


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


def test_smoothness_of_constant_and_scaled_depth():
    flat = tf.fill([3, 24, 40, 1], 0.1)
    np.testing.assert_allclose(smoothness.smoothness(flat, A), np.zeros(3), atol=1e-7)
    depth = field(3, 24, 40, 1)
    np.testing.assert_allclose(
        smoothness.smoothness(depth, A), smoothness.smoothness(7 * depth, A), rtol=1e-4
    )


def test_smoothness_forgives_steps_at_image_edges():
    step = tf.cast(tf.range(40)[None, None, :, None] >= 20, tf.float32) * tf.ones([1, 24, 1, 1])
    depth, edges, blank = 1 + step, tf.repeat(step, 3, axis=-1) * 4, tf.zeros([1, 24, 40, 3])
    assert float(smoothness.smoothness(depth, edges)[0]) < 0.05 * float(
        smoothness.smoothness(depth, blank)[0]
    )


def test_smoothness_matches_golden():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    golden = np.load(pathlib.Path(root) / "golden" / "d_smoothness.npz")
    image, disparity = tf.constant(golden["image"]), tf.Variable(golden["disp"])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(smoothness.smoothness(disparity, image))
    np.testing.assert_allclose(loss, golden["loss_md2_mean_normalized"], rtol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(loss, disparity), golden["grad_md2_mean_normalized"], rtol=1e-4, atol=1e-9
    )


def test_perceptual_label_carries_no_gradient_where_masked():
    features = vgg.build_features("random")
    view = tf.Variable(A[:1])
    mask = tf.concat([tf.zeros([1, 24, 20, 1]), tf.ones([1, 24, 20, 1])], axis=2)
    with tf.GradientTape() as tape:
        loss = synthesis.perceptual(features, view, B[:1], mask)
    assert loss.shape == (1,) and float(loss[0]) > 0
    assert np.abs(tape.gradient(loss, view)).sum() > 0
    everything_masked = synthesis.perceptual(features, A[:1], B[:1], 0 * mask)
    np.testing.assert_allclose(everything_masked, [0.0], atol=1e-9)


def test_vgg_shapes_and_scale():
    maps = vgg.build_features("random")(A[:1])
    assert [m.shape[1:] for m in maps] == [(12, 20, 64), (6, 10, 128), (3, 5, 256)]
    assert vgg.build_features("none") is None


def test_vgg_weights_from_a_file(tmp_path):
    path = tmp_path / "vgg19.weights.h5"
    network = tf.keras.applications.VGG19(include_top=False, weights=None)
    network.save_weights(str(path))
    loaded = vgg.build_features(str(path))
    twin = vgg.build_features("random")
    assert not np.allclose(loaded(A[:1])[2], twin(A[:1])[2])
    np.testing.assert_allclose(loaded(A[:1])[2], vgg.build_features(str(path))(A[:1])[2])


def test_missing_or_wrong_vgg_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere.h5: no such file"):
        vgg.build_features("nowhere.h5")
    junk = tmp_path / "junk.h5"
    junk.write_bytes(b"not a weight file")
    with pytest.raises(ValueError, match="junk.h5: not a VGG19"):
        vgg.build_features(str(junk))
