import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.data import corruption


@pytest.fixture(scope="module")
def image():
    return tf.random.stateless_uniform([24, 60, 3], (1, 2), 0.3, 0.6)


def corrupted(image, count=200):
    run = tf.function(corruption.corrupt)
    return np.stack([run(image, tf.constant([7, i])) for i in range(count)])


def test_it_depends_on_image_and_seed_alone(image):
    once, again, other = (corruption.corrupt(image, seed) for seed in ((3, 4), (3, 4), (3, 5)))
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).max() > 0.01


def test_images_keep_shape_and_range(image):
    for extreme in (image, tf.zeros_like(image), tf.ones_like(image)):
        result = corrupted(extreme, 40)
        assert result.shape[1:] == image.shape and result.dtype == np.float32
        assert result.min() >= 0.0 and result.max() <= 1.0 and np.isfinite(result).all()


def test_nothing_happens_when_every_limit_is_neutral(image, monkeypatch):
    for name in ("GRAY", "BLURRED", "COVERED", "NOISE"):
        monkeypatch.setattr(corruption, name, 0.0)
    for name in ("CONTRAST", "BRIGHTNESS", "COLOR"):
        monkeypatch.setattr(corruption, name, (1.0, 1.0))
    np.testing.assert_allclose(corruption.corrupt(image, (1, 1)), image, atol=1e-6)


def test_covered_rectangles_are_as_many_and_as_large_as_said(image, monkeypatch):
    for name in ("GRAY", "BLURRED", "NOISE"):
        monkeypatch.setattr(corruption, name, 0.0)
    for name in ("CONTRAST", "BRIGHTNESS", "COLOR"):
        monkeypatch.setattr(corruption, name, (1.0, 1.0))
    covered = (np.abs(corrupted(image) - image.numpy()).max(axis=-1) > 1e-5).mean(axis=(1, 2))
    # A rectangle covers 0.27 x 0.16 of the image in the mean, less at its edges, every second time.
    assert 0.035 < covered.mean() < 0.065
    assert 0.08 < (covered == 0).mean() < 0.18  # (1 - COVERED) ** 3


def test_gray_and_mean_brightness(image, monkeypatch):
    monkeypatch.setattr(corruption, "COVERED", 0.0)
    monkeypatch.setattr(corruption, "NOISE", 0.0)
    monkeypatch.setattr(corruption, "COLOR", (1.0, 1.0))
    result = corrupted(image)
    gray = (np.ptp(result, axis=-1) < 1e-5).all(axis=(1, 2))
    assert 0.2 < gray.mean() < 0.4
    brightness = result.mean(axis=(1, 2, 3)) / image.numpy().mean()
    assert brightness.min() < 0.75 and brightness.max() > 1.25
