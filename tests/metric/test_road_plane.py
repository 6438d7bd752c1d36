"""The road in depth maps that are known exactly, and what is no road."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.metric import road_plane

HEIGHT, WIDTH, FOCAL = 96, 312, 180.0
V, U = np.mgrid[:HEIGHT, :WIDTH]
X, Y = (U - 155.0) / FOCAL, (V - 44.0) / FOCAL
FAR = 0.001  # inverse depth of what is above the horizon


def road(height=1.65, pitch=0.0, roll=0.0):
    """Inverse depth of a plane below the camera, as the equation of the module says."""
    normal = np.array([np.tan(np.radians(roll)), 1.0, np.tan(np.radians(pitch))])
    normal /= np.linalg.norm(normal)
    return np.maximum((normal[0] * X + normal[1] * Y + normal[2]) / height, FAR)


@settings(max_examples=10)
@given(
    height=st.floats(0.5, 4.0),
    pitch=st.floats(-3.0, 12.0),
    roll=st.floats(-5.0, 5.0),
    unit=st.floats(0.1, 10.0),
)
def test_an_exact_plane_gives_its_height_and_tilt_in_any_unit(height, pitch, roll, unit):
    plane = road_plane.fit(road(height, pitch, roll) / unit, X, Y)
    assert plane.height == pytest.approx(height * unit, rel=1e-6)
    assert (plane.pitch, plane.roll) == pytest.approx((pitch, roll), abs=1e-5)
    assert plane.share == pytest.approx(1.0)
    again = road_plane.fit_height(road(height, pitch, roll) / unit, X, Y, pitch, roll)
    assert again.height == pytest.approx(height * unit, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_a_car_in_front_change_little(seed):
    rng = np.random.default_rng(seed)
    found = road(pitch=2.0) * np.exp(0.03 * rng.normal(size=X.shape))
    found[50:66, 130:175] = 1 / 9.0  # the back of a car
    assert road_plane.fit(found, X, Y).height == pytest.approx(1.65, rel=0.02)
    assert road_plane.fit_height(found, X, Y, 2.0, 0.0).height == pytest.approx(1.65, rel=0.02)


def refused(inverse_depth, reason, x=X, y=Y):
    with pytest.raises(road_plane.NoPlane, match=reason):
        road_plane.fit(inverse_depth, x, y)


def test_a_ceiling_is_refused():
    """Upside down: what is seen below comes nearer toward the horizon."""
    refused(np.maximum(0.5 - Y, 0.01), road_plane.CEILING)


def test_a_wall_is_refused():
    refused(np.full(X.shape, 0.1), road_plane.STEEP)


def test_a_slanted_plane_is_refused():
    refused(road(roll=20.0), road_plane.STEEP)


def test_two_planes_at_different_heights_are_refused():
    halves = np.where(X < 0, road(1.65), road(1.0))
    with pytest.raises(road_plane.NoPlane):
        road_plane.fit(halves, X, Y)
    with pytest.raises(road_plane.NoPlane):
        road_plane.fit_height(halves, X, Y, 0.0, 0.0)
    mostly = np.where(X / np.maximum(Y, 1e-9) < 0.4, road(1.65), road(1.0))
    refused(mostly, road_plane.RIVALS)
    with pytest.raises(road_plane.NoPlane, match=road_plane.RIVALS):
        road_plane.fit_height(mostly, X, Y, 0.0, 0.0)


def hill(bend):
    """Ground that falls away, y = h + bend z^2: the ray (x, y, 1) meets it at h d^2 - y d + bend =
    0."""
    under_root = Y**2 - 4 * bend * 1.65
    inverse = (Y + np.sqrt(np.maximum(under_root, 0))) / (2 * 1.65)
    return np.where(under_root > 0, inverse, FAR)


def test_curved_ground_is_refused():
    """A kink, as where a ramp begins, and a trough."""
    t = (Y - 0.0714) / 0.212  # 0 far, 1 near
    refused(road() * np.where(t < 0.5, 1.25, 1.0), road_plane.CURVED)
    trough = road() * (1.2 - 1.2 * t * (1 - t))
    refused(np.maximum(trough, FAR), road_plane.CURVED)


def test_noise_alone_is_refused():
    rng = np.random.default_rng(0)
    refused(rng.uniform(0.01, 0.3, X.shape), road_plane.FEW)
    with pytest.raises(road_plane.NoPlane):
        road_plane.fit_height(rng.uniform(0.001, 3, X.shape), X, Y, 0.0, 0.0)


def test_an_image_of_the_sky_is_refused():
    refused(road(), road_plane.UNSEEN, y=Y - 1.0)


def test_pixels_without_a_ray_do_not_count():
    y = np.where(X > 0.2, np.nan, Y)
    assert road_plane.fit(road(), X, y).height == pytest.approx(1.65)
