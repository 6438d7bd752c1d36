"""The verdict on a reconstruction, and the camera file that is written of it."""

import math

import numpy as np
import pytest

from aquanet_tf import files
from aquanet_tf.cameras import camera_file
from data_prep.calibration.camera import Camera
from data_prep.calibration.structure import Model

GOOD = Model(focal=700.0, radial=-0.1, deviation=7.0, frames=100, error=0.5)


def camera(scale=1.0, halves=(), **changes):
    return Camera((400, 1200), GOOD._replace(**changes), halves, scale, chosen=110)


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_the_file_is_read_as_the_camera_that_was_found(tmp_path, scale):
    camera(scale).check()
    files.write(tmp_path / "camera.json", camera(scale).values())
    read = camera_file.read(tmp_path / "camera.json", (400, 1200))
    f = 700 * scale
    np.testing.assert_allclose(read.k, [[f, 0, 599.5], [0, f, 199.5], [0, 0, 1]])
    assert tuple(read.lens.coefficients[:2]) == (-0.1, 0.0)
    half = camera_file.read(tmp_path / "camera.json", (200, 600))
    np.testing.assert_allclose(half.k[0, 0], f / 2)


def test_a_lens_that_moves_the_corners_by_less_than_2_percent_is_left_out():
    corner = math.hypot(200, 600) / 700
    assert "distortion" not in camera(radial=0.019 / corner**2).values()
    assert "distortion" in camera(radial=-0.021 / corner**2).values()


def test_a_lens_without_rays_for_the_corners_is_told():
    """r (1 + k r^2) has its largest value, the fold, where r^2 = -1 / (3 k)."""
    corner = math.hypot(200, 600) / 700
    fold = -4 / (27 * corner**2)
    assert camera(radial=1.01 * fold).folds
    assert not camera(radial=0.99 * fold).folds
    assert not camera(radial=0.0).folds


def test_halves_that_show_other_cameras_are_refused():
    one, other = GOOD._replace(focal=640.0, frames=50), GOOD._replace(focal=800.0, frames=50)
    camera(halves=(one,)).check()
    with pytest.raises(ValueError, match="half of the drive has a focal length of 800 px, all 700"):
        camera(halves=(one, other)).check()
    camera(halves=(one, other._replace(deviation=40.0))).check()
    camera(halves=(one, other._replace(deviation=float("inf")))).check()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frames": 87}, "only 87 of 110 frames fit together"),
        ({"deviation": 29.0}, "uncertain by 4%"),
        ({"deviation": float("inf")}, "fit any focal length alike"),
        ({"deviation": float("nan")}, "fit any focal length alike"),
        ({"focal": 7000.0}, "field of view of 10 degrees"),
        ({"focal": 150.0, "deviation": 1.0}, "field of view of 152 degrees"),
    ],
)
def test_a_result_that_cannot_be_trusted_is_refused(changes, reason):
    with pytest.raises(ValueError, match=f"{reason}.*drive with turns"):
        camera(**changes).check()
