"""Undistorting brings every ray to its pinhole pixel, for any plausible lens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.cameras import undistort
from aquanet_tf.cameras.lens import Lens

SHAPE = (60, 90)
K = np.array([[70.0, 0, 43.0], [0, 72.0, 31.0], [0, 0, 1]])
small = st.floats(-0.02, 0.02)
radial = st.tuples(st.floats(-0.25, 0.2), st.floats(-0.03, 0.03), small, small, small)
fisheye = st.tuples(st.floats(-0.1, 0.1), small, small, small)
lenses = st.builds(Lens, st.just("radtan"), radial) | st.builds(
    Lens, st.just("equidistant"), fisheye
)


def scene(x, y):
    """Color 0..255 of the ray (x, y, 1), smooth; [..., 3]."""
    waves = [np.sin(5 * x + 2 * y), np.cos(3 * x - 6 * y), np.sin(4 * x * y + 2)]
    return 127.5 + 110 * np.stack(waves, -1)


def seen(lens):
    """The distorted image: the ray of each pixel is found by fixed point, not by the remap."""
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    goal_x, goal_y = (u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1]
    x, y = goal_x, goal_y
    with np.errstate(all="ignore"):  # it diverges beyond the corners of strong lenses
        for _ in range(60):
            at_x, at_y = lens.distort(x, y)
            x, y = x + goal_x - at_x, y + goal_y - at_y
        x, y = np.nan_to_num(x, posinf=0, neginf=0), np.nan_to_num(y, posinf=0, neginf=0)
    return scene(x, y).round().astype(np.uint8)


@settings(max_examples=40)
@given(lenses)
def test_rays_come_to_their_pinhole_pixels(lens):
    undistorted = undistort.Undistorter(K, lens, SHAPE)
    top, left, height, width = undistorted.window
    v, u = np.mgrid[top : top + height, left : left + width]
    expected = scene((u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1])
    found = undistorted(seen(lens))
    assert found.shape == (height, width, 3)
    assert np.abs(found - expected).max() < 3


def test_without_distortion_nothing_changes():
    lens = undistort.Undistorter(K, Lens("radtan", (0, 0, 0, 0)), SHAPE)
    picture = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    assert lens.window == (0, 0, *SHAPE)
    np.testing.assert_array_equal(lens(picture), picture)


def test_the_model_is_that_of_its_equations():
    x, y, (k1, k2, p1, p2, k3) = 0.3, -0.4, (0.1, -0.2, 0.01, 0.02, 0.3)
    r2 = 0.25
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    found = Lens("radtan", (k1, k2, p1, p2, k3)).distort(np.array(x), np.array(y))
    expected = (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("coefficients", [(-3.0, 0, 0, 0), (-0.3, -2.0, 0, 0, 0), (8.0, 0, 0, 0)])
def test_a_lens_that_cannot_be_is_refused(coefficients):
    with pytest.raises(ValueError, match="distortion .* (folds|leaves)"):
        undistort.Undistorter(K, Lens("radtan", coefficients), SHAPE)


def test_another_size_is_refused():
    with pytest.raises(ValueError, match="expected"):
        undistort.Undistorter(K, Lens("radtan", (0.1,)), SHAPE)(np.zeros((10, 10, 3), np.uint8))
