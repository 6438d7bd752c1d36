"""Lenses against other ways to compute them, and there and back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.cameras.lens import Lens

small = st.floats(-0.02, 0.02)
places = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


@given(places, st.tuples(st.floats(-0.1, 0.1), small, small, small))
def test_equidistant_is_the_angle_to_the_axis(place, coefficients):
    """By angles: the ray turns about the axis by phi and leaves it by theta."""
    x, y = place
    theta = math.acos(1 / math.sqrt(x * x + y * y + 1))
    phi = math.atan2(y, x)
    bent = theta + sum(k * theta ** (2 * i + 3) for i, k in enumerate(coefficients))
    found = Lens("equidistant", coefficients).distort(np.array(x), np.array(y))
    np.testing.assert_allclose(found, (bent * math.cos(phi), bent * math.sin(phi)), atol=1e-7)


def test_equidistant_keeps_equal_angles():
    angles = np.radians([0, 20, 40, 60, 80])
    x, _ = Lens("equidistant").distort(np.tan(angles), np.zeros(5))
    np.testing.assert_allclose(x, angles, atol=1e-12)


def test_rational_divides():
    lens = Lens("radtan", (0.1, 0.2, 0.0, 0.0, 0.3, 0.4, 0.5, 0.6))
    r2 = 0.25
    ratio = (1 + 0.1 * r2 + 0.2 * r2**2 + 0.3 * r2**3) / (1 + 0.4 * r2 + 0.5 * r2**2 + 0.6 * r2**3)
    np.testing.assert_allclose(
        lens.distort(np.array(0.3), np.array(-0.4)), (0.3 * ratio, -0.4 * ratio)
    )


lenses = st.builds(
    Lens, st.just("radtan"), st.tuples(st.floats(-0.2, 0.2), small, small, small, small)
) | st.builds(Lens, st.just("equidistant"), st.tuples(st.floats(-0.1, 0.1), small, small, small))


@given(lenses, places)
def test_there_and_back(lens, place):
    x, y = (np.array([0.7 * value]) for value in place)
    found = lens.undistort(*lens.distort(x, y))
    np.testing.assert_allclose(np.stack(found), np.stack([x, y]), atol=1e-5)


@pytest.mark.parametrize("angle", [85, 100])
def test_beyond_a_right_angle_there_is_no_ray(angle):
    x, y = Lens("equidistant").undistort(np.array([np.radians(angle)]), np.array([0.0]))
    assert np.isnan(x[0]) if angle > 90 else abs(x[0] - np.tan(np.radians(85))) < 1e-4


def test_what_distorts():
    assert not Lens().distorts and not Lens("radtan", (0.0,) * 5).distorts
    assert Lens("equidistant").distorts and Lens("radtan", (0.0, 0.1)).distorts


@pytest.mark.parametrize("place", [(0.91, 0.51), (0.914, 0.0), (-0.8, -0.6)])
def test_beyond_the_fold_there_is_no_ray(place):
    """With k1 = -0.3 no ray appears farther than 0.703 from the middle; rays of the other side,
    which the formula also maps there, are none."""
    rays = Lens(coefficients=(-0.3,)).undistort(*map(np.array, place))
    assert np.isnan(rays).all()
