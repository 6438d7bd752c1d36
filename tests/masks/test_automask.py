"""Monodepth2's auto-mask: against its own numbers, and on a scene where the answer is known."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.losses import photometric
from aquanet_tf.masks import automask
from tests.support import scenes

HEIGHT, WIDTH = 16, 48


def test_error_matches_golden():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    golden = np.load(pathlib.Path(root) / "golden" / "i_monodepth2_losses.npz")
    target = tf.constant(golden["target"])
    np.testing.assert_allclose(
        photometric.ssim_error(tf.constant(golden["pred_m1"]), target),
        golden["ssim_pred_m1_target"],
        atol=1e-9,
    )
    errors = {}
    for name in ("pred_m1", "pred_p1", "src_m1", "src_p1"):
        errors[name] = photometric.photometric_error(tf.constant(golden[name]), target).numpy()
        np.testing.assert_allclose(errors[name], golden[f"reproj_{name}"], atol=1e-9)
    warped = np.minimum(errors["pred_m1"], errors["pred_p1"])[..., 0]
    unwarped = np.minimum(errors["src_m1"], errors["src_p1"])[..., 0]
    static = automask.static_mask(tf.constant(warped - unwarped)).numpy()
    # The original breaks ties with noise of 1e-5.
    assert np.mean(static == golden["identity_selection_min_auto"]) > 0.999


def test_equal_images_have_no_error():
    image = tf.constant(np.random.default_rng(0).random((1, 8, 9, 3)))
    np.testing.assert_allclose(photometric.photometric_error(image, image), 0.0, atol=1e-12)


def moving_camera():
    """A camera sliding along a textured wall, and a patch that goes with it."""
    rng = np.random.default_rng(1)
    shift, depth = 2, 10.0
    wall = rng.random((HEIGHT, WIDTH + 2 * shift, 3))
    frames = [wall[:, i : i + WIDTH].copy() for i in (0, shift, 2 * shift)]
    patch = rng.random((8, 12, 3))
    for frame in frames:
        frame[4:12, 20:32] = patch
    k = scenes.intrinsics(HEIGHT, WIDTH, dtype=np.float32)
    step = shift * depth / k[0, 0, 0]
    translation = np.array([[[step, 0, 0], [-step, 0, 0]]], np.float32)
    rotation = np.tile(np.eye(3, dtype=np.float32), (1, 2, 1, 1))
    images = tf.constant(np.stack(frames)[None], tf.float32)
    references = tf.stack([images[:, 0], images[:, 2]], axis=1)
    inverse_depth = tf.fill([1, HEIGHT, WIDTH, 1], 1 / depth)
    return images[:, 1], references, inverse_depth, rotation, translation, k


def test_what_moves_with_the_camera_is_masked_and_the_wall_is_not():
    score = automask.motion_score(*moving_camera())
    static = automask.static_mask(score).numpy()[0, ..., 0]
    assert not static[6:10, 24:28].any()
    assert static[:, 4:16].all() and static[:, 36:-4].all()


def test_a_camera_at_rest_masks_everything():
    target, references, inverse_depth, rotation, translation, k = moving_camera()
    still = tf.stack([target, target], axis=1)
    score = automask.motion_score(target, still, inverse_depth, rotation, translation, k)
    assert not automask.static_mask(score).numpy().any()


def test_no_gradient():
    target, references, inverse_depth, *rest = moving_camera()
    depth = tf.Variable(inverse_depth)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(automask.motion_score(target, references, depth, *rest))
    assert tape.gradient(total, depth) is None
