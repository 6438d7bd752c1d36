"""Folders of clips, margins, pixel shapes and lenses of real cameras, to training data."""

import dataclasses
import errno
import json
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from aquanet_tf import files
from aquanet_tf.cameras import formats, undistort
from aquanet_tf.cameras.camera_file import Camera
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.media import video
from data_prep import check
from data_prep.layouts import source_check
from data_prep.video import camera as video_camera
from data_prep.video import clips as video_clips
from data_prep.video import crop, prepare
from data_prep.video import raw as video_raw
from tests.data_prep.video.test_prepare import SIZE, camera, drive, folder
from tests.support import clips, commands


def clip(path, numbers, shape=SIZE):
    """A video of some frames of the drive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with video.writing(path, *shape, 10.0, "comment") as append:
        for number in numbers:
            append(drive(number)[: shape[0], : shape[1]])
    return path


def test_a_folder_of_clips_is_one_data_set(tmp_path):
    """As dash-cams record: the clips come by number, each begins a scene, a broken one is told."""
    trip = tmp_path / "trip"
    clip(trip / "clip 10.mp4", range(6, 11))
    clip(trip / "clip 9.mp4", range(6))
    (trip / "clip 11.mp4").write_bytes(b"the power was cut")
    for name in ("._clip 9.mp4", ".DS_Store", "Thumbs.db"):
        (trip / name).write_bytes(b"\0")
    options = prepare.Options(str(trip), str(tmp_path / "out"), fov_deg=70.0, stride="1")
    report, prepared = prepare.prepare(options)
    first, second = (f"{video_raw.DATE}/{name}_0000" for name in ("clip_9", "clip_10"))
    assert report["scenes"] == {first: list(range(6)), second: list(range(5))}
    assert report["clips"] == {"clip 9.mp4": [first], "clip 10.mp4": [second]}
    assert prepared[prepare.RECORDS]["count"] == 4 + 3 and report["frames"] == 11
    assert "not a readable video" in report["left_out"]["clip 11.mp4"]
    assert "left out: " in report["warnings"][-1]
    assert prepare.prepare(options) == (report, prepared)
    clip(trip / "clip 12.mp4", range(5), (80, 160))
    with pytest.raises(ValueError, match="changed: clip 12.mp4: added"):
        prepare.prepare(options)
    with pytest.raises(ValueError, match="clip 12.mp4: 160x80, the clips before are 160x96"):
        prepare.prepare(prepare.Options(str(trip), str(tmp_path / "other"), fov_deg=70.0))
    Image.fromarray(drive(0)).save(trip / "view.jpg")
    with pytest.raises(ValueError, match="holds 4 videos and 1 images"):
        prepare.prepare(options)


def test_what_has_changed_about_a_folder_of_clips_is_said(tmp_path):
    """By the command itself and, of what the data set was made of, by check."""
    trip, out = tmp_path / "trip", tmp_path / "out"
    for number in range(3):
        clip(trip / f"{number}.mp4", range(4 * number, 4 * number + 4))
    options = prepare.Options(str(trip), str(out), fov_deg=70.0, stride="1")
    report, prepared = prepare.prepare(options)
    for file in trip.iterdir():  # copied, say
        os.utime(file, (0, 0))
    assert prepare.prepare(options) == (report, prepared)

    def changed():
        return source_check.changes(out / "records", check.REPAIRABLE).changed

    assert changed() == []
    data = (trip / "1.mp4").read_bytes()
    clip(trip / "3.mp4", range(4))
    (trip / "0.mp4").unlink()
    (trip / "1.mp4").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    one = "1.mp4: replaced, another content of the same size"
    with pytest.raises(ValueError, match=f"changed: {one}; 3.mp4: added; 0.mp4: gone.*; choose"):
        prepare.prepare(options)
    assert changed() == [one]
    (trip / "1.mp4").write_bytes(data + b" ")
    assert changed() == [f"1.mp4: replaced, {len(data)} bytes then, {len(data) + 1} now"]
    (trip / "1.mp4").write_bytes(data)
    trip.rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"changed: --input was {trip}"):
        prepare.prepare(dataclasses.replace(options, input=str(tmp_path / "elsewhere")))
    assert changed() == []


def test_clips_of_one_name_do_not_share_a_drive(tmp_path):
    for name in ("a b.mp4", "a_b.mp4", "a_b.mov"):
        clip(tmp_path / "trip" / name, range(4))
    options = prepare.Options(str(tmp_path / "trip"), str(tmp_path / "out"), fov_deg=70.0)
    report, prepared = prepare.prepare(dataclasses.replace(options, stride="1"))
    assert len(report["scenes"]) == 3 and prepared[prepare.RECORDS]["count"] == 6


def test_hidden_files_are_no_frames(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    for name in ("._frame0.png", ".hidden.jpg", "Thumbs.db", "desktop.ini"):
        (source / name).write_bytes(b"\0\5\x16\7")
    options = prepare.Options(str(source), str(tmp_path / "out"), fov_deg=70.0, stride="1")
    assert prepare.prepare(options)[0]["frames"] == 5


def test_a_margin_is_cut_off_and_k_follows(tmp_path):
    frames = [drive(n) for n in range(5)]
    source = folder(tmp_path / "trip", frames)
    options = prepare.Options(
        str(source), str(tmp_path / "out"), focal_px=150.0, stride="1", image_format="png"
    )
    options = dataclasses.replace(options, crop=crop.parse(["4", "10", "7", "5"]))
    report, _ = prepare.prepare(options)
    (stored,) = kitti_layout.list_drives(tmp_path / "out" / "raw")
    k = kitti_layout.intrinsics(stored.calibration, 2)
    np.testing.assert_allclose(k, [[150, 0, 79.5 - 7], [0, 150, 47.5 - 4], [0, 0, 1]])
    assert kitti_layout.image_shape(stored.calibration, 2) == (82, 148)
    with Image.open(stored.images(2)[0]) as image:
        np.testing.assert_array_equal(np.asarray(image), frames[0][4:86, 7:155])
    assert report["arguments"]["crop"] == [4, 10, 7, 5]
    with Image.open(tmp_path / "out" / "raw" / "crop.png") as shown:
        assert np.asarray(shown)[:4].max() < 64 and np.asarray(shown)[4:86, 7:155].max() > 128
    with pytest.raises(ValueError, match="changed: crop"):
        prepare.prepare(dataclasses.replace(options, crop=crop.Crop(5, 10, 7, 5)))
    with pytest.raises(ValueError, match="--crop=90,0,0,0 leaves 160x6 of 160x96"):
        prepare.prepare(dataclasses.replace(options, out=str(tmp_path / "x"), crop=crop.Crop(90)))


def test_a_crop_past_the_principal_point_is_refused_before_anything_is_written(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    options = prepare.Options(str(source), str(tmp_path / "out"), fov_deg=70.0, stride="1")
    words = "--crop=0,60,0,0 leaves K .*: the principal point is outside 36x160; correct it"
    with pytest.raises(ValueError, match=words):
        prepare.prepare(dataclasses.replace(options, crop=crop.Crop(bottom=60)))
    assert not (tmp_path / "out").exists()
    prepare.prepare(dataclasses.replace(options, crop=crop.Crop(bottom=40)))


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "place, name",
    [
        ("pathlib.Path.write_bytes", "raw.tmp/2000_01_01/trip_0000/image_02/data/0000000000.jpg"),
        ("PIL.Image.Image.save", "raw.tmp/crop.png"),
    ],
)
def test_a_full_disk_is_named_and_the_run_resumed(tmp_path, monkeypatch, place, name):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    options = prepare.Options(str(source), str(tmp_path / "out"), fov_deg=70.0, stride="1")
    options = dataclasses.replace(options, crop=crop.Crop(top=10))
    with monkeypatch.context() as patch:
        patch.setattr(video_raw.encode, "encode_pixels", lambda *arguments: b"a picture")
        patch.setattr(place, full)
        with pytest.raises(OSError, match=f"cannot write .*out/{name}: No space .*; re-run"):
            prepare.prepare(options)
    assert prepare.prepare(options)[1][prepare.RECORDS]["count"] == 3


def test_a_data_set_of_an_earlier_version_is_resumed(tmp_path):
    """It scaled K in float32, and kept a digest of its input alone."""
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    out = tmp_path / "out"
    options = prepare.Options(str(source), str(out), focal_px=100.0, stride="1")
    report, prepared = prepare.prepare(options)
    report["arguments"]["K"][0][0] = float(np.float32(100.000003))
    del report["files"]
    files.write(out / "video.json", report)
    assert prepare.prepare(options) == (report, prepared)
    Image.fromarray(drive(9)).save(source / "frame3.png")
    with pytest.raises(ValueError, match="changed: the files of --input"):
        prepare.prepare(options)
    with pytest.raises(ValueError, match="changed: K"):
        prepare.prepare(dataclasses.replace(options, focal_px=101.0))


def test_cut_and_distortion_go_together(tmp_path):
    """Undistorting a part of the image gives the part of the undistorted image."""
    lens = Lens("radtan", (0.15, 0.0, 0.01, 0.0))
    camera = Camera(formats.pinhole(150, 150, 79.5, 47.5), lens)
    cut = crop.Crop(10, 6, 20, 4)
    part = cut.camera(camera)
    whole = undistort.Undistorter(camera.k, lens, SIZE)
    cropped = undistort.Undistorter(part.k, lens, cut.shape(SIZE))
    frame = drive(3)
    top, left, height, width = cropped.window
    found = cropped(cut.frame(frame))
    at_y, at_x = top + 10 - whole.window[0], left + 20 - whole.window[1]
    expected = whole(frame)[at_y : at_y + height, at_x : at_x + width]
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1,2,3,-4", "1,2,3,4,5", "1.5,0,0,0"])
def test_wrong_margins_are_refused(text):
    with pytest.raises(ValueError, match=f"--crop={text}: expected TOP,BOTTOM,LEFT,RIGHT"):
        crop.parse(text.split(","))
    assert crop.parse([]) == (0, 0, 0, 0)


def test_a_fisheye_file_makes_pinhole_frames(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    path = tmp_path / "k.json"
    k = {"K": [90.0, 0, 79.5, 0, 90.0, 47.5, 0, 0, 1], "D": [0.0, 0, 0, 0]}
    path.write_text(json.dumps({**k, "distortion_model": "equidistant"}))
    options = prepare.Options(str(source), str(tmp_path / "out"), str(path), stride="1")
    report, _ = prepare.prepare(options)
    assert report["arguments"]["distortion_model"] == "equidistant"
    with pytest.raises(ValueError, match="--distortion is radial-tangential, but .*equidistant"):
        camera(intrinsics=str(path), distortion=(0.1, 0, 0, 0))
    path.write_text(json.dumps({**k, "D": [-9.0, 0, 0, 0]}))
    with pytest.raises(ValueError, match="k.json: distortion radtan .* folds the image"):
        prepare.prepare(dataclasses.replace(options, out=str(tmp_path / "folded")))
    k["K"][2] = 30.0
    path.write_text(json.dumps(k))
    report, _ = prepare.prepare(
        prepare.Options(str(source), str(tmp_path / "off"), str(path), stride="1")
    )
    assert any("k.json: the principal point (30.0, 47.5)" in text for text in report["warnings"])


def test_pixels_of_anamorphic_video_are_square(tmp_path):
    """240x180 shown as 320x180: one focal length, that of the shown width."""
    path = tmp_path / "wide.mp4"
    clips.make(path, "-vf", "setsar=4/3", size="240x180")
    found = video_clips.Clips.of(str(path))
    assert found.shape == (180, 320)
    k = camera(shape=found.shape, fov=60.0).k
    np.testing.assert_allclose((k[0, 0], k[1, 1]), 160 / np.tan(np.radians(30)))


def test_command_line(tmp_path, monkeypatch):
    """Files below the home, a colon in a name, a camera file, a margin: as users type them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    clip(tmp_path / "trip" / "2024-05-01T12:30:00.mp4", range(6))
    text = "cam0:\n  camera_model: pinhole\n  intrinsics: [120, 120, 79.5, 47.5]\n"
    (tmp_path / "camchain.yaml").write_text(text + "  resolution: [160, 96]\n")
    flags = ["--input=~/trip", "--out=~/out", "--intrinsics=~/camchain.yaml", "--crop=0,16,0,0"]
    done = commands.run("data_prep.video", *flags, "--stride=1")
    assert done.returncode == 0, done.stderr
    assert "kept 6 of 6 frames in 1 scenes" in done.stdout and "--crop=0,16,0,0" in done.stdout
    assert "4 triplets of 80x160" in done.stdout
    assert (tmp_path / "out" / "video.json").is_file() and not (tmp_path / "~").exists()
    done = commands.run("data_prep.video", *flags[:3], "--crop=5,a,0,0")
    commands.assert_user_error(done, "--crop=5,a,0,0: expected")


@pytest.mark.slow
@pytest.mark.skipif("AQUANET_REAL_DATA" not in os.environ, reason="AQUANET_REAL_DATA is not set")
def test_a_real_camera_file(tmp_path):
    """Undistorted, the hood cut off. A barrel lens leaves no margin, so K stays as it is."""
    source = pathlib.Path(os.environ["AQUANET_REAL_DATA"]) / "video"
    lens = str(source / "freeway_intrinsics.json")
    clips = video_clips.Clips([source / "freeway.mp4"], next(video.frames(source / "freeway.mp4")))
    camera = video_camera.from_options(clips.shape, lens, 0.0, 0.0, ())
    writer = video_raw.Writer(camera, clips.shape, crop.Crop(bottom=20))
    writer.write_calibration(tmp_path / video_raw.DATE)
    calibration = tmp_path / video_raw.DATE / "calib_cam_to_cam.txt"
    height, width = kitti_layout.image_shape(calibration, 2)
    k = kitti_layout.intrinsics(calibration, 2)
    assert (height, width) == (340, 640)
    np.testing.assert_allclose(k, formats.pinhole(578.88965, 576.41145, 333.30555, 192.81445))
