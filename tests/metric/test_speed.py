"""Speed of a clip: constant or from a CSV; meters between frames; bad input."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.data import manifest
from aquanet_tf.kitti import travel
from aquanet_tf.media import video
from aquanet_tf.metric import speed
from data_prep.video import prepare
from tests.data_prep.video.test_prepare import drive, folder

CLIP = [pathlib.Path("clip.mp4")]


def read(tmp_path, text, fps=10.0):
    (tmp_path / "speed.csv").write_text(text)
    return speed.from_options(0.0, str(tmp_path / "speed.csv"), fps, CLIP)


def test_a_constant_speed_covers_the_frames_that_were_dropped():
    (steps,) = speed.from_options(36.0, "", 20.0, CLIP).steps(CLIP[0], [[0, 1, 4, 6]])
    np.testing.assert_allclose(list(steps.values()), [0.5, 1.5, 1.0])


@pytest.mark.parametrize("column, unit", [("time_s", 0.1), ("frame", 1.0)])
def test_a_file_is_linear_between_its_lines(tmp_path, column, unit):
    """36 km/h at frame 2, 108 at frame 6, at ten frames per second; nothing before and after."""
    found = read(tmp_path, f"{column},kmh\n{2 * unit},36\n{6 * unit},108\n")
    steps, over, before = found.steps(CLIP[0], [list(range(9)), [2, 6], [1, 3]])
    assert list(steps) == [2, 3, 4, 5] and before == {}
    np.testing.assert_allclose(list(steps.values()), [1.25, 1.75, 2.25, 2.75], rtol=1e-5)
    np.testing.assert_allclose(over[0], 8.0, rtol=1e-5)


def test_an_empty_speed_is_unknown(tmp_path):
    found = read(tmp_path, "frame,kmh\n0,36\n2,36\n4,\n6,36\n8,36\n")
    assert list(found.steps(CLIP[0], [list(range(9))])[0]) == [0, 1, 6, 7]


@pytest.mark.parametrize(
    "text, words",
    [
        ("0,36\n1,36\n", "line 1: expected the header time_s,kmh or frame,kmh"),
        ("", "line 1: expected the header"),
        ("time_s,kmh\n0,36\n1,fast\n", "line 3: '1,fast': expected two numbers"),
        ("time_s,kmh\n0,36\n1,36,1\n", "line 3: '1,36,1': expected two numbers"),
        ("time_s,kmh\n0,36\n\n0,36\n", "line 4: '0,36': time_s must be larger"),
        ("frame,kmh\n0,36\n1,-3\n", "line 3: '1,-3': kmh must be 0 to 400"),
        ("frame,kmh\n0,36\n1,nan\n", "line 3: '1,nan': kmh must be 0 to 400"),
        ("frame,kmh\ninf,36\n1,3\n", "line 2: 'inf,36': frame must be larger"),
        ("frame,kmh\n0,36\n", "1 lines of speed, expected at least two"),
        ("frame,kmh\n0,\n1,\n", "2 lines of speed, expected at least two with a speed"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, words):
    with pytest.raises(ValueError, match=f"speed.csv.*{words}"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((36.0, "a.csv", 0.0, CLIP), "give either --speed_kmh or --speed_csv"),
        ((0.0, "", 10.0, CLIP), "--fps is for --speed_kmh and --speed_csv"),
        ((-1.0, "", 0.0, CLIP), "--speed_kmh=-1: expected"),
        ((float("nan"), "", 0.0, CLIP), "--speed_kmh=nan: expected"),
        ((36.0, "", float("nan"), CLIP), "--fps=nan: expected"),
        ((0.0, "none.csv", 0.0, CLIP), "--speed_csv=none.csv: no such file"),
        ((0.0, "a.csv", 0.0, 2 * CLIP), "describes one clip, --input has 2"),
        ((36.0, "", 0.0, [pathlib.Path()]), "images have no time stamps: give --fps"),
    ],
)
def test_flags_that_do_not_fit_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        speed.from_options(*arguments)


def test_records_of_a_folder_hold_the_distances_at_their_stride(tmp_path):
    frames = folder(tmp_path / "frames", [drive(n) for n in range(8)])
    options = {"fov_deg": 60.0, "stride": "2", "speed_kmh": 36.0, "fps": 20.0, "threads": 1}
    _, made = prepare.prepare(prepare.Options(str(frames), str(tmp_path / "out"), **options))
    info = made[prepare.RECORDS]
    assert info["distances"] == info["count"] == 4
    records = manifest.verify(tmp_path / "out/records")
    assert records["schema_version"] == 2
    (scene,) = (tmp_path / "out/raw/2000_01_01").glob("frames_*")
    assert travel.read(scene) == dict.fromkeys(range(7), 0.5)
    with pytest.raises(ValueError, match="holds another video, camera or speed .changed: speed"):
        again = {**options, "speed_kmh": 40.0}
        prepare.prepare(prepare.Options(str(frames), str(tmp_path / "out"), **again))


def test_a_video_has_times_of_its_own(tmp_path, monkeypatch):
    with video.writing(tmp_path / "clip.mp4", 32, 64, 8.0, "") as append:
        for number in range(5):
            append(np.asarray(Image.new("RGB", (64, 32), (40 * number, 0, 0))))
    np.testing.assert_allclose(video.times(tmp_path / "clip.mp4"), np.arange(5) / 8, atol=2e-3)
    decoded, times = [], video.times
    monkeypatch.setattr(video, "times", lambda path: decoded.append(path) or times(path))
    found = speed.from_options(36.0, "", 0.0, CLIP)
    one, two = found.steps(tmp_path / "clip.mp4", [[0, 2], [2, 4]])
    np.testing.assert_allclose([one[0], two[0]], 2.5, atol=0.03)
    assert len(decoded) == 1, "a long clip with many scenes takes hours otherwise"
