"""A triplet's window: the operation in C++ and the TensorFlow functions against tf.image.resize."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.data import augmentation, resampling
from aquanet_tf.native import library

needs_library = pytest.mark.skipif(
    not library.available(), reason="not built: python -m aquanet_tf.native.build"
)
both = pytest.mark.parametrize(
    "compute",
    [
        pytest.param(
            functools.partial(resampling.triplet, implementation=name), marks=marks, id=name
        )
        for name, marks in (("native", needs_library), ("tensorflow", ()))
    ],
)
seeds = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
sizes = st.tuples(st.integers(3, 60), st.integers(3, 120))
property_test = settings(max_examples=20, deadline=None)


def noise(seed, height, width, channels=3):
    """Three frames of bytes; white noise, so that a sample out of place by 1e-4 of a pixel is off
    by up to 1e-4."""
    shape = [3, height, width, channels]
    return tf.cast(tf.random.stateless_uniform(shape, seed, 0, 256, tf.int32), tf.uint8)


def by_definition(images, window, mirror, reverse, photometry=None):
    """Resized whole, cropped, and only then everything else."""
    images = np.asarray(images)[::-1] if reverse else np.asarray(images)
    images = images[:, :, ::-1] if mirror else images
    size = [window.whole_height, window.whole_width]
    whole = tf.image.resize(images, size, antialias=True).numpy() / 255
    top, left = int(window.top), int(window.left)
    crop = whole[:, top : top + window.height, left : left + window.width]
    if photometry is not None:
        crop = np.minimum(crop ** float(photometry.gamma) * photometry.gain.numpy(), 1)
    return crop[1], crop[[0, 2]]


def assert_close(got, expected, tolerance):
    for g, e in zip(got, expected):
        assert g.shape == e.shape and g.dtype == tf.float32
        np.testing.assert_allclose(g, e, atol=tolerance)


@both
@property_test
@given(seeds, sizes, sizes, st.booleans(), st.booleans(), st.sampled_from([1, 3]))
def test_equals_resizing_the_whole_and_cropping(compute, seed, image, crop, mirror, reverse, c):
    """From eightfold reduction to threefold enlargement, and as much as a large crop needs."""
    images = noise(seed, *image, c)
    window = augmentation.random_window(seed, image, crop, (0.125, 3.0))
    got = compute(tf.unstack(images), window, tf.constant(mirror), reverse, None)
    assert_close(got, by_definition(images, window, mirror, reverse), 4e-5)


@both
@property_test
@given(seeds, st.booleans(), st.booleans())
def test_photometry_comes_last(compute, seed, mirror, reverse):
    images = noise(seed, 20, 50) // 2 * tf.cast(noise(seed, 20, 50) > 60, tf.uint8)  # some black
    window = augmentation.random_window(seed, (20, 50), (12, 24), (0.5, 1.5))
    photometry = augmentation.random_photometry(seed)
    got = compute(tf.unstack(images), window, tf.constant(mirror), reverse, photometry)
    # The slope of gamma at black is steep: 1e-6 there becomes more.
    assert_close(got, by_definition(images, window, mirror, reverse, photometry), 3e-4)
    flat = np.linspace(0, 255, 24).astype(np.uint8)[None, :, None].repeat(12, 0).repeat(3, 2)
    same = compute(
        [flat] * 3, augmentation.whole_window(12, 24), tf.constant(False), False, photometry
    )
    expected = augmentation.apply_photometry(tf.constant(flat / np.float32(255)), photometry)
    np.testing.assert_allclose(same[0], expected, atol=2e-6)


@both
@pytest.mark.parametrize("mirror", [False, True])
def test_kitti_size_is_exact_for_smooth_images(compute, mirror):
    v, u = np.meshgrid(np.arange(375.0), np.arange(1242.0), indexing="ij")
    images = np.stack([np.sin(u / 9), np.cos(v / 7), np.sin((u + v) / 11)], -1)[None].repeat(3, 0)
    images = np.uint8(127 * images + 128)
    for index in range(3):
        window = augmentation.random_window((5, index), (375, 1242), (192, 640), (0.5, 1.5))
        got = compute(tf.unstack(images), window, tf.constant(mirror), False, None)
        assert_close(got, by_definition(images, window, mirror, False), 2e-5)


@both
def test_the_same_size_keeps_every_byte(compute):
    images = noise([1, 2], 24, 80)
    same = compute(
        tf.unstack(images), augmentation.whole_window(24, 80), tf.constant(False), True, None
    )
    assert_close(same, (images[1] / 255, tf.gather(images, [2, 0]) / 255), 1e-6)


@both
def test_frames_of_different_sizes_are_refused(compute):
    frames = [tf.zeros([size, 9, 3], tf.uint8) for size in (8, 8, 9)]
    with pytest.raises(tf.errors.InvalidArgumentError):
        compute(frames, augmentation.whole_window(4, 4), tf.constant(False), False, None)


@needs_library
def test_a_window_outside_the_image_is_refused():
    frames = tf.unstack(noise([1, 2], 8, 9))
    outside = augmentation.Window(*map(tf.constant, (8, 9, 0, 1)), 8, 9)
    with pytest.raises(tf.errors.InvalidArgumentError, match="8x9 at .0, 1. is not in 8x9"):
        resampling.triplet(frames, outside, False, False, implementation="native")


def test_without_the_library_it_goes_on(monkeypatch):
    monkeypatch.setattr(library, "operations", lambda: None)
    assert resampling.chosen_implementation.__wrapped__() == "tensorflow"
