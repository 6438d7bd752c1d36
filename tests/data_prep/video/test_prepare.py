"""Any video to training data: what is kept, what is dropped, which camera, which warnings."""

import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.media import video
from data_prep.dataset.checks import report as dataset_report
from data_prep.video import camera as video_camera
from data_prep.video import frames as video_frames
from data_prep.video import motion, prepare
from data_prep.video import raw as video_raw
from data_prep.video import select as video_select
from tests.data_prep.video.test_motion import texture
from tests.support import clips, commands

SIZE = (96, 160)
WIDE = texture(3, (300, 500))


def drive(number, speed=1.0):
    """Frame of a camera driving toward a wall: each step shows a little less of it, enlarged."""
    scale = 0.985 ** (speed * number)
    box = (250 - 160 * scale, 150 - 96 * scale, 250 + 160 * scale, 150 + 96 * scale)
    return np.asarray(Image.fromarray(WIDE).resize(SIZE[::-1], Image.Resampling.BICUBIC, box=box))


def pan(number):
    """Frame of a camera that only turns (nearly: a far wall slides by)."""
    box = (40 + 3 * number, 50, 40 + 3 * number + 320, 50 + 192)
    return np.asarray(Image.fromarray(WIDE).resize(SIZE[::-1], Image.Resampling.BICUBIC, box=box))


def folder(path, frames):
    path.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(path / f"frame{number}.png")
    return path


def select(frames, min_flow=0.0005):
    return video_select.select(frames, 0.9, min_flow)


def test_driving_is_kept_whole():
    found = select([drive(n) for n in range(12)])
    assert found.scenes == [list(range(12))] and not found.dropped and found.cuts == 0
    stride = video_select.choose_stride(found)
    assert stride >= 1 and video_select.warnings(found, stride) == []
    seen = video_select.describe(found, stride)
    assert seen["rotation_only_share"] < 0.5 and 0.2 < seen["flow_percent"][1] < 3


def test_repeated_and_still_frames_are_dropped():
    noise = np.random.default_rng(0)

    def still(frame):
        return np.clip(frame + noise.normal(0, 3, frame.shape), 0, 255).astype(np.uint8)

    frames = [drive(0), drive(0), drive(1), drive(2), still(drive(2)), still(drive(2)), drive(3)]
    found = select(frames)
    assert found.scenes == [[0, 2, 3, 6]]
    assert found.dropped == {"duplicate": 1, "static": 2}


def test_slow_motion_is_thinned_out_not_lost():
    found = select([drive(n, speed=0.1) for n in range(60)], min_flow=0.004)
    (scene,) = found.scenes
    assert 4 <= len(scene) <= 15 and max(np.diff(scene)) - min(np.diff(scene)) <= 3


def test_a_cut_and_a_long_stop_divide_scenes():
    other = texture(9, SIZE)
    stop = [drive(2)] * 14
    found = select([drive(0), drive(1), drive(2), *stop, drive(3), drive(4), other])
    assert found.scenes == [[0, 1, 2], [17, 18], [19]] and found.cuts == 1
    assert len(found.steps) == 3  # none across a gap


def test_turning_is_warned_of():
    found = select([pan(n) for n in range(12)])
    assert any("rotation without parallax" in t for t in video_select.warnings(found, 1))


def test_unrelated_pictures_and_stills_are_warned_of():
    found = select([texture(n, SIZE) for n in range(8)])
    assert found.cuts == 7 and "nothing in common" in video_select.warnings(found, 1)[0]
    still = select([drive(0)] * 5)
    assert "only 1 of 5 frames show any motion" in video_select.warnings(still, 1)[0]
    assert video_select.choose_stride(still) == 1


def test_steps_without_flow_do_not_choose_the_stride():
    """As --min_flow=0 keeps them where nothing has contrast."""
    still, moving = motion.Motion(0.0, 0.0, 0.0, 0.0), motion.Motion(5.0, 0.002, 0.001, 1.0)
    for steps, stride in (([still] * 3, 1), ([still] * 5 + [moving], 2)):
        found = video_select.Selection([list(range(len(steps) + 1))], steps)
        assert video_select.choose_stride(found) == stride
        video_select.warnings(found, stride)
    gray = [np.full((*SIZE, 3), value, np.uint8) for value in (100, 101, 103)]
    assert video_select.choose_stride(select(gray, min_flow=0.0)) == 1


@given(st.floats(1e-4, 0.2), st.integers(3, 30))
def test_the_chosen_stride_brings_flow_near_what_is_wanted(flow, count):
    steps = [motion.Motion(5.0, flow, flow / 2, 1.0)] * count
    found = video_select.Selection([list(range(count + 1))], steps, frames=count + 1)
    stride = video_select.choose_stride(found)
    assert 1 <= stride <= 10
    assert stride == 1 or flow * stride < 0.0061
    fast = any("too fast" in text for text in video_select.warnings(found, stride))
    assert fast == (flow * stride > 0.05)


def camera(shape=SIZE, intrinsics="", fov=0.0, focal=0.0, distortion=()):
    return video_camera.from_options(shape, intrinsics, fov, focal, distortion)


def test_camera_from_field_of_view_and_focal_length():
    k = camera(fov=90.0).k
    np.testing.assert_allclose(k, [[80, 0, 79.5], [0, 80, 47.5], [0, 0, 1]])
    assert camera(focal=123.0).k[1, 1] == 123.0


def test_camera_from_a_file_of_another_size(tmp_path):
    path = tmp_path / "k.json"
    values = {"fx": 200.0, "fy": 210.0, "cx": 159.5, "cy": 95.5, "width": 320, "height": 192}
    path.write_text(json.dumps({**values, "distortion": [0.1, 0, 0, 0]}))
    found = camera(intrinsics=str(path))
    np.testing.assert_allclose(found.k, [[100, 0, 79.5], [0, 105, 47.5], [0, 0, 1]])
    assert found.lens.coefficients == (0.1, 0, 0, 0)
    assert camera(intrinsics=str(path), distortion=(0.2, 0, 0, 0)).lens.coefficients[0] == 0.2
    path.write_text(json.dumps({"K": [[100, 0, 79.5], [0, 105, 47.5], [0, 0, 1]]}))
    np.testing.assert_allclose(camera(intrinsics=str(path)).k, found.k)
    path.write_text(json.dumps({**values, "height": 320}))
    with pytest.raises(ValueError, match="k.json: is for 320x320 pixels"):
        camera(intrinsics=str(path))


@pytest.mark.parametrize(
    "options, words",
    [
        ({}, "give one of --intrinsics"),
        ({"fov": 60.0, "focal": 100.0}, "give one of --intrinsics"),
        ({"fov": 180.0}, "--fov_deg=180: 180 degrees over 160 pixels; expected 3 to 170"),
        ({"fov": 1e-4}, "--fov_deg=0.0001: 0.0001 degrees"),
        ({"focal": 0.001}, "--focal_px=0.001: 180 degrees"),
        ({"focal": 1e9}, "--focal_px=1e[+]09: 9.167e-06 degrees"),
        ({"focal": float("inf")}, "--focal_px=inf: 0 degrees"),
        ({"fov": 60.0, "distortion": (1.0,)}, "--distortion: expected four or five"),
        ({"fov": 60.0, "distortion": ("a",) * 4}, "--distortion: expected four or five"),
        ({"intrinsics": "absent.json"}, "absent.json: no such file"),
    ],
)
def test_a_camera_that_is_not_known_is_an_error(options, words):
    with pytest.raises(ValueError, match=words):
        camera(**options)


def test_k_is_upper_triangular(tmp_path):
    path = tmp_path / "k.json"
    path.write_text('{"K": [[80, 0, 80], [1, 80, 48], [0, 0, 1]]}')
    with pytest.raises(ValueError, match="k.json: not a camera matrix"):
        camera(intrinsics=str(path))


def test_a_file_that_is_cut_off_is_said_to_be(tmp_path):
    path = tmp_path / "trip.mp4"
    with video.writing(path, *SIZE, 10.0, "comment") as append:
        for number in range(40):
            append(drive(number))
    assert abs(video.announced(path) - 40) <= 1
    assert video_frames.cut_off(str(path), 40) == [] == video_frames.cut_off(str(tmp_path), 3)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    decoded = sum(1 for _ in video_frames.read(path))
    assert 0 < decoded < 35
    (warning,) = video_frames.cut_off(str(path), decoded)
    assert f"{decoded} of about 40 frames" in warning and "cut off" in warning


def test_a_file_that_begins_late_is_not_said_to_be_cut_off(tmp_path):
    """As a piece of a longer recording. One that is cut off is said to be all the same."""
    path = clips.make(tmp_path / "trip.mkv", "-output_ts_offset", "3", seconds=20.0)
    assert video_frames.cut_off(path, 400) == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    decoded = sum(1 for _ in video_frames.read(path))
    (warning,) = video_frames.cut_off(path, decoded)
    assert 0 < decoded < 350 and f"{decoded} of about 400 frames" in warning


@pytest.mark.parametrize("flow", [float("nan"), float("inf"), -1.0, 100.0])
def test_an_absurd_flow_is_refused(tmp_path, flow):
    options = prepare.Options(str(tmp_path), str(tmp_path / "out"), fov_deg=60.0, min_flow=flow)
    with pytest.raises(ValueError, match="--min_flow="):
        prepare.prepare(options)


def test_a_folder_to_records(tmp_path):
    frames = [drive(n) for n in range(8)]
    source = folder(tmp_path / "trip", [*frames[:4], frames[3], *frames[4:]])
    options = prepare.Options(
        str(source), str(tmp_path / "out"), fov_deg=70.0, stride="1", image_format="png"
    )
    report, prepared = prepare.prepare(options)
    assert report["kept"] == 8 and report["dropped"] == {"duplicate": 1}
    assert report["scenes"] == {f"{video_raw.DATE}/trip_0000": [0, 1, 2, 3, 5, 6, 7, 8]}
    assert prepared[prepare.RECORDS]["count"] == 6
    assert prepared[prepare.RECORDS]["sizes"] == {"96x160": 6}
    (stored,) = kitti_layout.list_drives(tmp_path / "out" / "raw")
    np.testing.assert_allclose(
        kitti_layout.intrinsics(stored.calibration, 2), camera(fov=70.0).k, rtol=1e-9
    )
    for frame, path in stored.images(2).items():
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), frames[frame])
    assert dataset_report.check(tmp_path / "out" / "records").faults == []
    written = [*(tmp_path / "out").rglob("*.png"), *(tmp_path / "out").rglob("*.tfrecord")]
    times = {path: path.stat().st_mtime_ns for path in written}
    assert prepare.prepare(options) == (report, prepared)
    assert len(times) == 9 and times == {path: path.stat().st_mtime_ns for path in times}
    with pytest.raises(ValueError, match="holds another video, camera or speed"):
        prepare.prepare(prepare.Options(str(source), str(tmp_path / "out"), fov_deg=71.0))


def test_distortion_is_taken_out_and_k_follows_the_cut(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    distortion = (0.2, 0.0, 0.0, 0.0)
    prepare.prepare(
        prepare.Options(
            str(source), str(tmp_path / "out"), focal_px=150.0, stride="1", distortion=distortion
        )
    )
    (stored,) = kitti_layout.list_drives(tmp_path / "out" / "raw")
    height, width = kitti_layout.image_shape(stored.calibration, 2)
    k = kitti_layout.intrinsics(stored.calibration, 2)
    assert height < SIZE[0] and width < SIZE[1] and k[0, 0] == 150.0
    assert k[0, 2] == pytest.approx((width - 1) / 2, abs=0.51)
    with Image.open(stored.images(2)[0]) as image:
        assert image.size == (width, height)


def test_a_distortion_that_cannot_be_undone_is_named(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    options = prepare.Options(str(source), str(tmp_path / "out"), fov_deg=70.0)
    for first, words in ((-9.0, "folds the image"), (9.0, r"leaves 7\dx4\d of the image")):
        lens = (first, 0.0, 0.0, 0.0)
        with pytest.raises(ValueError, match=f"--distortion={first:g},0,0,0: .* {words}"):
            prepare.prepare(dataclasses.replace(options, distortion=lens))


def test_a_damaged_frame_is_named_with_the_fix(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    path = source / "frame3.png"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="frame3.png: not a readable image .*; restore it, or mov"):
        prepare.prepare(prepare.Options(str(source), str(tmp_path / "out"), fov_deg=70.0))
    assert not (tmp_path / "out").exists()


def test_interrupted_while_writing_frames_it_starts_them_again(tmp_path, monkeypatch):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    options = prepare.Options(str(source), str(tmp_path / "out"), fov_deg=70.0, stride="1")
    with monkeypatch.context() as patch:
        patch.setattr(
            prepare.files_module, "write", lambda *a: (_ for _ in ()).throw(OSError("full"))
        )
        with pytest.raises(OSError, match="full"):
            prepare.prepare(options)
    assert prepare.prepare(options)[1][prepare.RECORDS]["count"] == 3


def test_wrong_inputs_are_named(tmp_path):
    out = str(tmp_path / "out")
    for path, words in (
        (tmp_path / "absent.mp4", "absent.mp4: no such file"),
        (folder(tmp_path / "empty", []), "empty: no image"),
        (
            folder(tmp_path / "sizes", [drive(0), drive(1)[:50]]),
            "frame1.png: 160x50, .* 160x96",
        ),
        (folder(tmp_path / "still", [drive(0)] * 5), "still: no three frames in motion"),
    ):
        with pytest.raises(ValueError, match=words):
            prepare.prepare(prepare.Options(str(path), out, fov_deg=60.0))
    with pytest.raises(ValueError, match="--stride=fast: expected auto"):
        prepare.prepare(prepare.Options(str(tmp_path), out, fov_deg=60.0, stride="fast"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("dear")
    moving = folder(tmp_path / "moving", [drive(n) for n in range(5)])
    with pytest.raises(ValueError, match="other: not empty and not of data_prep.video"):
        prepare.prepare(prepare.Options(str(moving), str(tmp_path / "other"), fov_deg=60.0))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A compressed video of ten frames."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with video.writing(path, *SIZE, 10.0, "") as append:
        for number in range(10):
            append(drive(number))
    return path


def test_a_video_file_is_decoded(clip):
    frames = list(video_frames.read(clip))
    assert len(frames) == 10 and frames[0].shape == (*SIZE, 3) and frames[0].dtype == np.uint8
    assert np.abs(frames[4].astype(int) - drive(4)).mean() < 8


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.binary(max_size=64))
def test_a_damaged_video_is_an_error_or_some_frames(clip, at, length, junk):
    data = clip.read_bytes()
    at %= len(data)
    path = clip.with_name("damaged.mp4")
    path.write_bytes(data[:at] + junk + data[at + length % 4096 :])
    try:
        assert all(frame.shape == (*SIZE, 3) for frame in video_frames.read(path))
    except ValueError as error:
        assert str(path) in str(error)


def test_command_line(clip, tmp_path):
    arguments = ["--input", clip, "--out", tmp_path / "out"]
    done = commands.run("data_prep.video", *arguments, "--fov_deg=70", "--height=48", "--stride=1")
    assert done.returncode == 0, done.stderr
    assert "kept 10 of 10 frames in 1 scenes" in done.stdout
    assert "8 triplets of 48x80" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif("AQUANET_REAL_DATA" not in os.environ, reason="AQUANET_REAL_DATA is not set")
def test_a_real_highway(tmp_path):
    path = pathlib.Path(os.environ["AQUANET_REAL_DATA"]) / "video" / "highway.mp4"
    options = prepare.Options(str(path), str(tmp_path / "out"), fov_deg=60.0, height=96)
    report, prepared = prepare.prepare(options)
    assert report["frames"] == 221 and report["kept"] > 200 and report["cuts"] == 0
    assert report["warnings"] == [] and 1 < report["stride"] < 6
    assert prepared[prepare.RECORDS]["count"] == report["kept"] - 2 * report["stride"]
