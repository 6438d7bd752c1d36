"""Motion between frames: shifts are measured, rotation is told from parallax."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_prep.video import motion

FOCAL = 0.9


def texture(seed=0, shape=(240, 480)):
    """Smooth random gray texture, uint8 [h, w, 3]."""
    noise = np.random.default_rng(seed).normal(0, 1, shape)
    blurred = np.fft.irfft2(np.fft.rfft2(noise) * _low_pass(shape), s=shape)
    gray = np.clip(128 + 45 * blurred / blurred.std(), 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def _low_pass(shape):
    y, x = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])
    return np.exp(-(x**2 + y**2) / (2 * 0.08**2))


def at(image, x, y):
    """The 192x320 part of `image` whose corner is at (x, y), fractions too."""
    box = (x, y, x + 320, y + 192)
    part = Image.fromarray(image).resize((320, 192), Image.Resampling.BICUBIC, box=box)
    return motion.reduced(np.asarray(part))


@settings(max_examples=20)
@given(st.floats(-12, 12), st.floats(-8, 8))
def test_a_shift_is_measured(dx, dy):
    image = texture()
    found = motion.measure(at(image, 60, 20), at(image, 60 + dx, 20 + dy), FOCAL)
    assert found.flow == pytest.approx(np.hypot(dx, dy) / 320, rel=0.05, abs=0.2 / 320)
    assert found.matched > 0.9


@pytest.mark.parametrize("turn", [(0.0, 0.02, 0.0), (0.01, -0.015, 0.0), (0.0, 0.0, 0.04)])
def test_a_turning_camera_shows_no_parallax(turn):
    """The homography K R K^-1 applied to a texture."""
    image = Image.fromarray(texture()[:192, :320])
    k = np.array([[FOCAL * 320, 0, 159.5], [0, FOCAL * 320, 95.5], [0, 0, 1]])
    a, b, c = turn
    rotation = np.eye(3) + [[0, -c, b], [c, 0, -a], [-b, a, 0]]
    h = k @ rotation @ np.linalg.inv(k)
    turned = image.transform((320, 192), Image.PERSPECTIVE, (h / h[2, 2]).ravel()[:8], 3)
    found = motion.measure(*(motion.reduced(np.asarray(i)) for i in (image, turned)), FOCAL)
    assert found.flow > 2 / 320 and found.parallax < 0.2 * found.flow


def test_driving_ahead_is_parallax():
    image = Image.fromarray(texture()[:192, :320])
    near = image.resize((320, 192), Image.Resampling.BICUBIC, box=(8, 4.8, 312, 187.2))
    found = motion.measure(*(motion.reduced(np.asarray(i)) for i in (image, near)), FOCAL)
    assert found.parallax > 0.5 * found.flow > 0.5 / 320


def test_layers_at_two_depths_are_parallax():
    image, other = texture(0), texture(1)

    def frame(number):
        far, near = at(image, 60 + number, 20), at(other, 60 + 8 * number, 20)
        far[96:] = near[96:]
        return far

    found = motion.measure(frame(0), frame(1), FOCAL)
    assert found.parallax > 0.2 * found.flow


def test_nothing_moves_and_nothing_in_common():
    image = texture()
    same = motion.measure(at(image, 60, 20), at(image, 60, 20), FOCAL)
    assert same.difference == 0 and same.flow < 1e-6 and same.matched == 1
    other = motion.measure(at(image, 60, 20), at(texture(5), 60, 20), FOCAL)
    assert other.matched < 0.25 and other.difference > 8
    black = np.zeros((192, 320), np.float32)
    assert motion.measure(black, black, FOCAL) == (0, 0, 0, 0)
