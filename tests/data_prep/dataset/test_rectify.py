"""Rectified pixels show the rays that the calibration says."""

import numpy as np
import pytest

from data_prep.dataset import rectify

SHAPE = (20, 30)
K = (40.0, 0.0, 14.2, 0.0, 41.0, 9.3, 0.0, 0.0, 1.0)
UNTURNED = tuple(np.eye(3).ravel())
NONE = (0.0,) * 5


def test_a_rectified_camera_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    lens = rectify.Lens(K, NONE, UNTURNED, K, SHAPE, SHAPE)
    np.testing.assert_array_equal(rectify.rectify(image, lens), image)


@pytest.mark.parametrize("distortion", [NONE, (-0.37, 0.197, 1.35e-3, 5.7e-4, -0.068)])
def test_points_appear_where_the_recorded_camera_saw_them(distortion):
    """Brute force: a point in space through the recorded and through the rectified camera."""
    turn, _ = np.linalg.qr(np.eye(3) + 0.05 * np.random.default_rng(1).normal(size=(3, 3)))
    turn *= np.sign(np.diag(turn))
    projection = (30.0, 0.0, 15.0, 0.0, 30.0, 10.0, 0.0, 0.0, 1.0)
    lens = rectify.Lens(K, distortion, tuple(turn.ravel()), projection, (50, 60), SHAPE)
    u, v = rectify.recorded_pixels(lens)
    k1, k2, p1, p2, k3 = distortion
    for row, column, depth in ((0, 0, 3.0), (5, 29, 7.0), (19, 12, 40.0)):
        rectified = depth * (np.linalg.inv(np.reshape(projection, (3, 3))) @ [column, row, 1])
        x, y, z = turn.T @ rectified  # R_rect maps the camera's frame to the rectified one
        x, y = x / z, y / z
        r2 = x * x + y * y
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
        seen = (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        )
        assert u[row, column] == pytest.approx(K[0] * seen[0] + K[2], abs=1e-9)
        assert v[row, column] == pytest.approx(K[4] * seen[1] + K[5], abs=1e-9)


def test_outside_and_behind_the_recorded_image_it_is_black():
    image = np.full((*SHAPE, 3), 200, np.uint8)
    aside = (*K[:2], K[2] - 10, *K[3:])
    found = rectify.rectify(image, rectify.Lens(aside, NONE, UNTURNED, K, SHAPE, SHAPE))
    assert not found[:, :10].any() and (found[:, 10:] == 200).all()
    back = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    assert not rectify.rectify(image, rectify.Lens(K, NONE, back, K, SHAPE, SHAPE)).any()
