import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.data import augmentation
from aquanet_tf.geometry import camera

K = np.array([[51.3, 0, 37.1], [0, 49.2, 13.4], [0, 0, 1]], np.float32)
seeds = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
sizes = st.tuples(st.integers(16, 60), st.integers(20, 120))
property_test = settings(max_examples=40)


def window(seed, image, crop, low=0.5, high=1.5):
    return augmentation.random_window(seed, image, crop, (low, high))


@property_test
@given(seeds, sizes, sizes)
def test_a_window_fits_and_keeps_the_aspect(seed, image, crop):
    w = augmentation.Window(*(int(value) for value in window(seed, image, crop)))
    assert 0 <= w.top <= w.whole_height - crop[0] and 0 <= w.left <= w.whole_width - crop[1]
    needed = max(crop[0] / image[0], crop[1] / image[1])
    factors = np.array([w.whole_height / image[0], w.whole_width / image[1]])
    assert abs(w.whole_height - factors[1] * image[0]) <= 0.5 + 0.5 * image[0] / image[1] + 1e-3
    low, high = max(0.5, needed), max(1.5, needed)
    assert (factors >= low - 0.5 / np.array(image) - 1e-6).all()
    assert (factors <= high + 0.5 / np.array(image) + 1e-6).all()


def test_factors_and_places_fill_their_ranges():
    drawn = [window((3, index), (40, 120), (24, 64)) for index in range(300)]
    factors = np.array([int(w.whole_width) / 120 for w in drawn])
    assert factors.min() < 0.66 and factors.max() > 1.45 and 0.95 < factors.mean() < 1.12
    for start, room in (("left", "whole_width"), ("top", "whole_height")):
        size = {"left": 64, "top": 24}[start]
        place = [
            int(getattr(w, start)) / (int(getattr(w, room)) - size)
            for w in drawn
            if getattr(w, room) > size
        ]
        assert min(place) < 0.05 and max(place) == 1.0 and 0.4 < np.mean(place) < 0.6


@pytest.mark.parametrize("dtype", [tf.uint8, tf.float32])
@property_test
@given(seeds, sizes, sizes)
def test_window_first_equals_resizing_the_whole_and_cropping(dtype, seed, image, crop):
    pixels = tf.random.stateless_uniform([3, *image, 3], seed, 0.0, 255.0)
    pixels = tf.cast(pixels, dtype)
    w = window(seed, image, crop, 0.3, 2.0)
    whole = tf.image.resize(pixels, [w.whole_height, w.whole_width], antialias=True)
    expected = whole[:, w.top : w.top + crop[0], w.left : w.left + crop[1]]
    # White noise: neighbors differ by 100 and more, so 0.01 is 1e-4 of a pixel.
    np.testing.assert_allclose(augmentation.resize_crop(pixels, w), expected, atol=0.01)


def test_window_first_on_a_large_smooth_image_is_exact():
    v, u = tf.meshgrid(tf.range(375.0), tf.range(1242.0), indexing="ij")
    pixels = tf.stack([tf.sin(u / 9), tf.cos(v / 7), tf.sin((u + v) / 11)], -1)[None]
    for index in range(4):
        w = window((5, index), (375, 1242), (192, 640))
        whole = tf.image.resize(pixels, [w.whole_height, w.whole_width], antialias=True)
        expected = whole[:, w.top : w.top + 192, w.left : w.left + 640]
        np.testing.assert_allclose(augmentation.resize_crop(pixels, w), expected, atol=3e-5)


def test_the_same_size_keeps_every_pixel():
    pixels = tf.cast(tf.random.stateless_uniform([3, 24, 80, 3], [1, 2], 0, 255), tf.uint8)
    same = augmentation.resize_crop(pixels, augmentation.whole_window(24, 80))
    np.testing.assert_allclose(same, tf.cast(pixels, tf.float32), atol=1e-4)


@property_test
@given(seeds, sizes, sizes, st.booleans())
def test_projection_commutes_with_augmentation(seed, image, crop, mirrored):
    """A point seen at p in the stored image is at the augmented p under the augmented K."""
    w = window(seed, image, crop)
    points = np.array([[1.0, -0.5, 4.0], [-2.0, 0.3, 9.0], [0.1, 0.7, 2.0]], np.float32)
    k, expected = K, camera.project(points, K).numpy()
    if mirrored:
        k = camera.flip_intrinsics(K, image[1])
        expected[:, 0] = image[1] - 1 - expected[:, 0]
        points = points * np.float32([-1, 1, 1])  # the mirrored image shows the mirrored world
    ratio = np.array([w.whole_width / image[1], w.whole_height / image[0]], np.float64)
    expected = (expected + 0.5) * ratio - 0.5 - [int(w.left), int(w.top)]
    k, _, resize = augmentation.window_geometry(k, *image, w)
    np.testing.assert_allclose(camera.project(points, k), expected, atol=1e-3)
    assert float(resize) == pytest.approx(np.sqrt(ratio.prod()), rel=1e-6)
    assert k.dtype == tf.float32


@property_test
@given(seeds, sizes, sizes)
def test_the_grid_is_the_crops_part_of_the_whole_grid(seed, image, crop):
    w = window(seed, image, crop)
    _, grid, _ = augmentation.window_geometry(K, *image, w)
    whole = camera.positional_grid(w.whole_height, w.whole_width)
    expected = whole[w.top : w.top + crop[0], w.left : w.left + crop[1]]
    np.testing.assert_allclose(grid, expected, atol=1e-6)


@pytest.mark.parametrize("mirrored", [False, True])
def test_an_image_of_its_own_coordinates_agrees_with_the_grid(mirrored):
    """An image that holds (u, v) of the stored pixels, augmented, shows the grid's coordinates
    (affine functions survive enlarging, but for the border where the kernel is cut)."""
    height, width, crop = 30, 90, (20, 50)
    plane = camera.positional_grid(height, width).numpy()
    if mirrored:  # in the mirrored image u counts from the other side
        plane[..., 0] *= -1
    images = tf.constant(np.concatenate([plane, 0 * plane[..., :1]], -1)[None].repeat(3, 0))
    if mirrored:
        images = tf.reverse(images, axis=[2])
    for index in range(10):
        w = window((9, index), (height, width), crop, 1.0, 1.6)
        _, grid, _ = augmentation.window_geometry(K, height, width, w)
        seen = augmentation.resize_crop(images, w)[1, ..., :2].numpy()
        # Stored pixel i is at (i + 0.5) s - 0.5: the ends -1, 1 move by a part of a pixel.
        whole = np.array([w.whole_width, w.whole_height])
        stored = np.array([width, height])
        expected = grid.numpy() * (whole - 1) / whole * stored / (stored - 1)
        inside = np.abs(expected).max(-1) < 0.9
        np.testing.assert_allclose(seen[inside], expected[inside], atol=1e-5)


def test_photometry_is_within_its_ranges_and_neutral_half_the_time():
    drawn = [augmentation.random_photometry((7, index)) for index in range(400)]
    gamma = np.array([float(p.gamma) for p in drawn])
    gain = np.array([p.gain.numpy() for p in drawn])
    assert 0.4 < (gamma == 1).mean() < 0.6
    assert gamma.min() >= 0.8 and gamma.max() <= 1.2 and gamma.min() < 0.82
    gray = (gain == gain[:, :1]).all(-1)
    assert 0.4 < gray.mean() < 0.6
    assert 0.4 < (gain[gray, 0] == 1).mean() < 0.6
    assert gain[gray].min() >= 0.5 and 1.8 < gain[gray].max() <= 2.0
    assert gain.min() >= 0.4 and gain.max() <= 2.4


@property_test
@given(seeds)
def test_photometry_is_a_clipped_power_law(seed):
    images = np.linspace(0, 1, 36, dtype=np.float32).reshape(1, 3, 4, 3)
    p = augmentation.random_photometry(seed)
    expected = np.clip(images ** p.gamma.numpy() * p.gain.numpy(), 0, 1)
    np.testing.assert_allclose(augmentation.apply_photometry(images, p), expected, atol=1e-5)


def test_everything_is_a_function_of_the_seed():
    for draw in (
        augmentation.random_photometry,
        augmentation.coin,
        lambda s: window(s, (40, 90), (20, 30)),
    ):
        first, again = tf.nest.flatten(draw((1, 2))), tf.nest.flatten(draw((1, 2)))
        assert all(np.array_equal(a, b) for a, b in zip(first, again))
    coins = [bool(augmentation.coin((1, index))) for index in range(200)]
    assert 70 < sum(coins) < 130
