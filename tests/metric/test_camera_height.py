"""Meters per unit from the height of the camera: two passes over frames."""

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.media import point_cloud, video
from aquanet_tf.metric import camera_height, road_plane
from tests.metric.test_road_plane import FOCAL, HEIGHT, WIDTH, X, Y, hill, road
from tests.support import clips

CAMERA = point_cloud.parse_camera(f"{FOCAL},{FOCAL},155,44", 0.0)


def measure(maps, height=1.65, pitch=None, used=None):
    """Of frames with these maps of inverse depth."""
    frames = [(f"{i}.png", np.full((HEIGHT, WIDTH, 3), i, np.uint8)) for i in range(len(maps))]
    return camera_height.measure(
        frames, lambda image: maps[image[0, 0, 0]], CAMERA, height, pitch, used
    )


def test_meters_per_unit_of_exact_maps():
    found = measure([road(0.55, pitch=3.0)] * 6)
    assert found["metres_per_unit"] == pytest.approx(3.0, rel=1e-5)
    assert found["pitch"] == pytest.approx(3.0, abs=1e-3) and found["spread"] < 1e-5


@pytest.mark.parametrize("unit", [0.25, 8.0])
def test_depth_in_larger_units_has_fewer_of_them(unit):
    """Scaling all depth by s scales meters per unit by 1 / s."""
    maps = [road(1.65, pitch=p) for p in (0.0, 0.5, 1.0, -0.5, 0.2)]
    first, second = measure(maps), measure([values / unit for values in maps])
    assert second["metres_per_unit"] == pytest.approx(first["metres_per_unit"] / unit, rel=1e-5)


def test_the_unit_may_be_that_of_another_estimate():
    """Where its inverse depth is g times that of the road's, its unit has g times the meters."""
    growths = [1.1, 1.2, 1.3, 1.4, 1.5]
    found = measure([road(1.65)] * 5, used=lambda image: growths[image[0, 0, 0]] * road(1.65))
    assert found["metres_per_unit"] == pytest.approx(1.3, rel=1e-5)


def test_tilts_of_single_frames_do_not_reach_the_heights():
    """Maps that tilt by a degree each way agree at 10 m; free planes there differ by a tenth."""
    tilts = np.array([-1.0, -0.6, -0.2, 0.2, 0.6, 1.0])
    maps = [road(1.65 * (1 + np.radians(t) * 6), pitch=t) for t in tilts]
    free = [1.65 / road_plane.fit(m, X, Y).height for m in maps]
    found = measure(maps)
    assert found["metres_per_unit"] == pytest.approx(1.0, rel=0.02)
    assert found["spread"] < 0.6 * np.std(free)


def test_a_hill_is_left_out():
    """Alone it looks like a plane at another pitch; beside frames of a level road it is none."""
    wrong = road_plane.fit(hill(0.005), X, Y)
    assert wrong.height < 1.2
    found = measure([road()] * 6 + [hill(0.005)] * 2)
    assert found["metres_per_unit"] == pytest.approx(1.0, rel=0.02)


def test_frames_without_a_road_are_left_out_and_counted():
    walls = [np.full((HEIGHT, WIDTH), 0.1)] * 2
    found = measure([road()] * 6 + walls)
    assert found["metres_per_unit"] == pytest.approx(1.0, rel=1e-5)
    assert (found["frames"], found["used"]) == (8, 6) and sum(found["left_out"].values()) == 2


def test_a_room_gives_no_number():
    with pytest.raises(ValueError, match="no scale: a road was found in 0 of 6 frames"):
        measure([np.full((HEIGHT, WIDTH), 0.1)] * 6)


def test_a_known_pitch_is_used():
    found = measure([road(1.65, pitch=1.0)] * 5, pitch=0.0)
    assert found["pitch"] == 0.0 and found["metres_per_unit"] > 1.02


@pytest.mark.parametrize("height, pitch, flag", [(165, None, "camera_height"), (1.65, 30, "pitch")])
def test_no_camera_is_mounted_so(height, pitch, flag):
    with pytest.raises(ValueError, match=f"--{flag}"):
        measure([road()] * 5, height, pitch)


def test_frames_are_spread_over_images_and_videos(tmp_path):
    shape = (32, 32, 3)
    for i in range(4):
        Image.fromarray(np.full(shape, i, np.uint8)).save(tmp_path / f"{i}.png")
    with video.writing(tmp_path / "a.mp4", 32, 32, 10.0, "") as append:
        for _ in range(20):
            append(np.zeros(shape, np.uint8))
    paths = sorted(tmp_path.iterdir())
    assert len(list(camera_height.spread(paths, 100))) == 24
    names = [path.name for path, _ in camera_height.spread(paths, 8)]
    assert len(names) == 8 and names.count("a.mp4") in (6, 7)


def test_a_video_whose_header_says_no_length_is_spread_too(tmp_path):
    """As browsers record them."""
    path = clips.make(tmp_path / "a.webm", "-c:v", "libvpx", "-f", "webm", "-live", "1")
    assert video.announced(path) == 0
    assert len(list(camera_height.spread([path], 8))) == 8
