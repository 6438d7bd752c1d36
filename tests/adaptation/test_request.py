"""Flags that do not fit are named before the clip is looked at."""

import json

import pytest

from aquanet_tf.adaptation import request
from aquanet_tf.media import video
from tests.adaptation.test_clip import folder
from tests.adaptation.test_margins import HEIGHT, WIDTH, scene


@pytest.fixture
def images(tmp_path):
    """A folder with one image."""
    return folder(tmp_path / "in", [scene(0)])


def test_a_camera_fits_the_frames(images, tmp_path):
    request.check_camera(images, "", 0.0)
    request.check_camera(images, "", 170.0)
    camera = tmp_path / "camera.json"
    values = {"fx": 200, "fy": 200, "cx": 150, "cy": 80, "width": WIDTH, "height": HEIGHT}
    camera.write_text(json.dumps(values))
    request.check_camera(images, str(camera), 0.0)
    camera.write_text(json.dumps({**values, "height": WIDTH}))
    with pytest.raises(ValueError, match="--intrinsics: .*camera.json: is for 320x320 pixels"):
        request.check_camera(images, str(camera), 0.0)


@pytest.mark.parametrize("fov_deg", [0.1, 500.0, float("nan")])
def test_a_field_of_view_that_no_camera_has(fov_deg, images):
    with pytest.raises(ValueError, match="--fov_deg=.*: expected degrees from 3 to 170"):
        request.check_camera(images, "", fov_deg)


@pytest.mark.parametrize(
    "flags, words",
    [
        ((0.0, 30.0, "a.csv", 0.0), "give either --speed_kmh or --speed_csv"),
        ((0.0, 0.0, "", 10.0), "--fps is for --speed_kmh and --speed_csv: leave it out"),
        ((0.0, 30.0, "", 0.0), "images have no time stamps: give --fps"),
        ((0.0, -1.0, "", 10.0), "--speed_kmh=-1: expected"),
        ((0.1, 0.0, "", 0.0), "--camera_height=0.1: expected meters"),
    ],
)
def test_what_tells_no_meters(flags, words, images):
    with pytest.raises(ValueError, match=words):
        request.check_meters(images, *flags)


def test_one_table_of_speeds_is_for_one_video(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        with video.writing(tmp_path / name, HEIGHT, WIDTH, 10.0, "") as append:
            append(scene(0))
    table = tmp_path / "speed.csv"
    table.write_text("time_s,kmh\n0,30\n9,30\n")
    request.check_meters(str(tmp_path / "a.mp4"), 0.0, 0.0, str(table), 0.0)
    request.check_meters(str(tmp_path), 0.0, 30.0, "", 0.0)
    with pytest.raises(ValueError, match="describes one clip, --input has 2"):
        request.check_meters(str(tmp_path), 0.0, 0.0, str(table), 0.0)


def test_an_input_is_a_path(tmp_path):
    with pytest.raises(ValueError, match=r"\*.png: no such file or folder"):
        request.check_meters(str(tmp_path / "*.png"), 0.0, 0.0, "", 0.0)
