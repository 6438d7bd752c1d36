import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.geometry import camera

SIZES = st.integers(8, 2000)
SCALES = st.floats(0.3, 3.0)


def random_camera(seed):
    rng = np.random.default_rng(seed)
    fx, fy, cx, cy = rng.uniform(100, 900, 4)
    k = np.array([[fx, rng.uniform(-2, 2), cx], [0, fy, cy], [0, 0, 1]])
    points = rng.uniform([-20, -5, 2], [20, 5, 80], (50, 3))
    return k, points


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), SCALES, SCALES, st.integers(-50, 500), st.integers(-50, 300))
def test_projection_commutes_with_resize_and_crop(seed, sx, sy, x0, y0):
    k, points = random_camera(seed)
    pixels = camera.project(points, k).numpy()
    resized = (pixels + 0.5) * [sx, sy] - 0.5
    np.testing.assert_allclose(
        camera.project(points, camera.resize_intrinsics(k, sx, sy)), resized, rtol=1e-6, atol=1e-4
    )
    cropped = camera.crop_intrinsics(camera.resize_intrinsics(k, sx, sy), x0, y0)
    np.testing.assert_allclose(
        camera.project(points, cropped), resized - [x0, y0], rtol=1e-6, atol=1e-4
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), SIZES)
def test_projection_commutes_with_flip(seed, width):
    k, points = random_camera(seed)
    pixels = camera.project(points, k).numpy()
    mirrored = camera.project(points * [-1, 1, 1], camera.flip_intrinsics(k, width))
    np.testing.assert_allclose(mirrored[:, 0], width - 1 - pixels[:, 0], rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(mirrored[:, 1], pixels[:, 1], rtol=1e-6, atol=1e-4)
    twice = camera.flip_intrinsics(camera.flip_intrinsics(k, width), width)
    np.testing.assert_allclose(twice, k, atol=1e-9)


def test_resizing_a_ramp_image_moves_pixels_as_intrinsics_say():
    """tf.image.resize of a horizontal ramp: the value at pixel u' is the old coordinate."""
    ramp = tf.tile(tf.range(40.0)[None, None, :, None], [1, 4, 1, 1])
    resized = tf.image.resize(ramp, [4, 60])[0, 0, :, 0].numpy()
    k = camera.resize_intrinsics(np.diag([40.0, 40.0, 1.0]), 1.5, 1.0).numpy()
    old = (np.arange(60) - k[0, 2]) / k[0, 0] * 40
    np.testing.assert_allclose(resized[2:-2], old[2:-2], atol=1e-4)


def test_inverse_and_rays():
    k, _ = random_camera(3)
    np.testing.assert_allclose(camera.invert_intrinsics(k) @ k, np.eye(3), atol=1e-12)
    rays = camera.pixel_rays(k[None], 5, 7)
    pixels = camera.project(tf.reshape(rays, [1, -1, 3]), k[None])
    np.testing.assert_allclose(
        tf.reshape(pixels, [5, 7, 2]), camera.pixel_grid(5, 7, tf.float64)[..., :2], atol=1e-9
    )


def test_batched_scales_and_offsets():
    k = tf.constant(np.stack([random_camera(1)[0], random_camera(2)[0]]))
    scale, offset = tf.constant([0.5, 2.0]), tf.constant([3, 4])
    both = camera.crop_intrinsics(camera.resize_intrinsics(k, scale, scale), offset, offset)
    for i in range(2):
        one = camera.resize_intrinsics(k[i], scale[i], scale[i])
        np.testing.assert_allclose(both[i], camera.crop_intrinsics(one, offset[i], offset[i]))


def test_positional_grid_corners_and_center():
    grid = camera.positional_grid(5, 9).numpy()
    np.testing.assert_allclose(grid[0, 0], [-1, -1])
    np.testing.assert_allclose(grid[-1, -1], [1, 1])
    np.testing.assert_allclose(grid[2, 4], [0, 0], atol=1e-7)
    np.testing.assert_allclose(camera.positional_grid(1, 1), [[[0, 0]]])
