"""The camera of a drive from its images: right where the drive turns, else refused."""

import json
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from data_prep.calibration.drive import find_camera
from data_prep.street import drive as street_drive
from data_prep.video.crop import Crop
from tests.support import commands

STREET = street_drive.Street(drives=2, test_drives=1, frames=30, height=188, width=621, seed=5)
FOCAL = 360.18


@pytest.fixture(scope="module")
def drives(tmp_path_factory):
    """A street: its first drive goes straight ahead, its second turns."""
    out = tmp_path_factory.mktemp("street")
    folders = []
    for plan in street_drive.plans(STREET)[:2]:
        street_drive.make_drive(str(out), plan)
        folder = pathlib.Path(street_drive.drive_folder(str(out), plan.number))
        folders.append(folder / "image_02" / "data")
    return folders


def test_a_drive_with_a_turn_shows_its_camera(drives, tmp_path):
    pytest.importorskip("pycolmap")
    out = tmp_path / "camera.json"
    done = commands.run("data_prep.calibrate", "--input", drives[1], "--out", out)
    assert done.returncode == 0, done.stderr
    assert "30 of 30 frames" in done.stdout and f"written: {out}" in done.stdout
    found = json.loads(out.read_text())
    assert found["fx"] == found["fy"] == pytest.approx(FOCAL, rel=0.03)
    assert "distortion" not in found and found["calibrated"]["focal_std_percent"] < 4


def test_a_hood_is_hidden_by_crop(drives, tmp_path):
    """A hood with a pattern of its own, which moves with the camera, in the lowest 48 rows."""
    pytest.importorskip("pycolmap")
    pattern = np.random.default_rng(0).integers(0, 256, (12, 155, 3), dtype=np.uint8)
    pattern = pattern.repeat(4, 0).repeat(4, 1)
    for path in drives[1].iterdir():
        frame = np.array(Image.open(path))
        frame[-48:, :620] = pattern
        Image.fromarray(frame).save(tmp_path / path.name)
    camera = find_camera(tmp_path, Crop(bottom=48), 250, 2)
    assert camera.focal == pytest.approx(FOCAL, rel=0.03)
    assert camera.values()["cy"] == pytest.approx((188 - 1) / 2)


def test_a_drive_straight_ahead_does_not(drives, tmp_path):
    pytest.importorskip("pycolmap")
    out = tmp_path / "camera.json"
    done = commands.run("data_prep.calibrate", "--input", drives[0], "--out", out)
    commands.assert_user_error(done, "focal length is uncertain", "--fov_deg")
    assert not out.exists()


def test_inputs_that_cannot_work_are_named(tmp_path):
    pytest.importorskip("pycolmap")
    run = ("data_prep.calibrate", "--out", tmp_path / "camera.json", "--input")
    commands.assert_user_error(commands.run(*run, tmp_path / "trip.mp4"), "trip.mp4")
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"video")
    commands.assert_user_error(commands.run(*run, tmp_path), "holds 2 videos; name one")


@pytest.mark.slow
def test_kitti_shows_its_camera(tmp_path):
    """Drive 9001, an open crossing; K of its calibration file is 721.5."""
    pytest.importorskip("pycolmap")
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    raw = pathlib.Path(root) / "kitti_raw" / "2011_09_26"
    frames = raw / "2011_09_26_drive_9001_sync" / "image_02" / "data"
    out = tmp_path / "camera.json"
    done = commands.run("data_prep.calibrate", "--input", frames, "--out", out)
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text())["fx"] == pytest.approx(721.5, rel=0.07)
