"""The view looked up in a reference: identity, shift, projection by brute force."""

import numpy as np
import tensorflow as tf

from aquanet_tf.geometry import camera, pose
from aquanet_tf.layers import backward_warp
from tests.support.scenes import intrinsics

IMAGE = np.random.default_rng(0).random((2, 6, 9, 3))


def warp(vector, inverse_depth, image=IMAGE):
    k = intrinsics(6, 9, 2)
    rotation, translation = pose.se3_exp(np.tile(np.array(vector, float), (2, 1)))
    depth = tf.fill((2, 6, 9, 1), tf.constant(inverse_depth, tf.float64))
    out = backward_warp.backward_warp(tf.constant(image), depth, rotation, translation, k, k)
    return [value.numpy() for value in out]


def test_identity_is_exact():
    view, inside = warp([0] * 6, 0.1)
    np.testing.assert_allclose(view, IMAGE, atol=1e-12)
    assert inside.all()


def test_sideways_is_a_shift():
    """t_x of +2 px of disparity: target pixel u is found at reference pixel u + 2."""
    inverse_depth, fx = 0.25, intrinsics(6, 9)[0, 0, 0]
    view, inside = warp([2 / (fx * inverse_depth), 0, 0, 0, 0, 0], inverse_depth)
    np.testing.assert_allclose(view[:, :, :7], IMAGE[:, :, 2:], atol=1e-9)
    assert not inside[:, :, 7:].any() and not view[:, :, 7:].any()


def test_behind_the_camera_is_outside():
    view, inside = warp([0, 0, -10.0, 0, 0, 0], 0.2)
    assert not inside.any() and not view.any()


def test_agrees_with_projection():
    """A linear image makes sampling exact, so the warp must equal brute-force projection."""
    height, width = 20, 30
    k = intrinsics(height, width)
    grid = camera.pixel_grid(height, width, tf.float64)[None, ..., :2]
    rng = np.random.default_rng(2)
    depth = tf.constant(rng.uniform(0.05, 0.1, (1, height, width, 1)))
    rotation, translation = pose.se3_exp(np.array([[0.1, 0.05, -0.4, 0.01, -0.02, 0.03]]))
    view, inside = backward_warp.backward_warp(grid, depth, rotation, translation, k, k)
    points = camera.pixel_rays(k, height, width) / depth
    points = tf.reshape(points, [1, -1, 3])
    moved = tf.einsum("bij,bnj->bni", rotation, points) + translation[:, None]
    pixels = tf.reshape(camera.project(moved, k), grid.shape).numpy()
    within = (pixels > 0).all(-1) & (pixels < [width - 1, height - 1]).all(-1)
    np.testing.assert_allclose(view.numpy()[within], pixels[within], atol=1e-9)
    assert inside.numpy()[..., 0][within].all()
