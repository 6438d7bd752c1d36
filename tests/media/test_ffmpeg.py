"""Videos as cameras make them: any frame rate, pixel shape, name and container."""

import os
import pathlib

import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import strategies as st

from aquanet_tf.media import video
from tests.support import clips, fuzz
from tests.support.clips import REAL, make


def crashing(folder):
    """A program that ends as the ffmpeg of imageio-ffmpeg 0.6 does on MPEG-TS."""
    path = folder / "crashes"
    path.write_text("#!/bin/sh\nkill -SEGV $$\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_varying_frame_rate_keeps_its_frames_and_its_duration(tmp_path, suffix):
    """Three frames of every ten: the container's rates (average, tbr) describe no frame."""
    path = clips.varying(tmp_path / f"phone.{suffix}")
    clip = video.probe(path)
    assert clip.frames == 24 == sum(1 for _ in video.frames(path))
    assert clip.duration == pytest.approx(3.65, abs=0.06)  # the last frame is shown from 3.6 s on
    assert clip.fps == pytest.approx(24 / 3.65, rel=0.02)


def test_a_steady_frame_rate_is_that_of_the_file(tmp_path):
    path = make(tmp_path / "a.mp4", rate="30000/1001", seconds=1)
    assert video.probe(path)[2:] == (29.97, 30)


def test_one_frame_has_a_rate_too(tmp_path):
    clip = video.probe(make(tmp_path / "a.mkv", "-frames:v", "1"))
    assert clip.frames == 1 and clip.fps > 0


@pytest.mark.parametrize("ratio, width", [("4/3", 85), ("1/1", 64), ("3/4", 48), ("0/1", 64)])
def test_pixels_become_square(tmp_path, ratio, width):
    path = make(tmp_path / "wide.mkv", "-vf", f"setsar={ratio}", "-c:v", "libx264")
    assert video.probe(path)[:2] == (48, width)
    assert next(video.frames(path)).shape == (48, width, 3)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le", "gray10le", "gbrp12le", "yuva420p"])
def test_videos_of_any_bits_become_eight(tmp_path, pixels):
    """Phones record HDR in 10 bits."""
    path = make(tmp_path / "a.mkv", "-pix_fmt", pixels, "-c:v", "ffv1", seconds=0.1)
    found = list(video.frames(path))
    assert [(frame.shape, frame.dtype) for frame in found] == [((48, 64, 3), np.uint8)] * 2
    plain = next(video.frames(make(tmp_path / "b.mkv", "-c:v", "ffv1", seconds=0.1)))
    gray = [np.dot(frame, [0.299, 0.587, 0.114]).ravel() for frame in (found[0], plain)]
    assert np.corrcoef(gray)[0, 1] > 0.99


@pytest.mark.parametrize("name", ["2024-05-01T12:30:00.mp4", "-y.mp4", "a b%03d.mp4", "http:x.mp4"])
def test_any_name_is_a_file(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = pathlib.Path(name)
    with video.writing(path, 16, 16, 5.0, "comment") as append:
        append(np.zeros((16, 16, 3), np.uint8))
    assert video.probe(path).frames == 1 and os.listdir() == [name]


@pytest.mark.parametrize("suffix", ["ts", "mts", "m2ts", "TS"])
def test_recordings_of_dash_cams_are_read(tmp_path, suffix):
    """Unhelped, the ffmpeg of imageio-ffmpeg 0.6 crashes on the container of .ts files."""
    path = make(tmp_path / f"drive.{suffix}", "-f", "mpegts", "-c:v", "libx264")
    assert video.is_video(path)
    assert video.probe(path) == video.Clip(48, 64, 20.0, 40)
    assert video.announced(path) == pytest.approx(40, abs=1)


@pytest.mark.parametrize("size, refused", [("48x64", True), ("128x96", False), ("64x48", False)])
def test_another_shape_in_the_middle_is_refused(tmp_path, size, refused):
    """Unnoticed, its frames are squeezed to the size of the first, and K is wrong."""
    options = ("-f", "mpegts", "-c:v", "libx264")
    parts = [
        make(tmp_path / f"{n}.ts", *options, size=s, seconds=0.5)
        for n, s in ((0, "64x48"), (1, size))
    ]
    path = tmp_path / "drive.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    found = []
    try:
        found.extend(video.frames(path))
    except ValueError as error:
        assert refused and str(error) == f"{path}: changes its size from 64x48 to {size}; split it"
    else:
        assert not refused and {frame.shape for frame in found} == {(48, 64, 3)}
        assert len(found) == 20


def test_another_ffmpeg_is_tried_where_one_crashes(tmp_path, monkeypatch):
    path = make(tmp_path / "drive.mp4")
    crashes = crashing(tmp_path)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(crashes))
    monkeypatch.setattr("shutil.which", lambda name: None)
    for read in (video.probe, video.announced, lambda path: list(video.frames(path))):
        with pytest.raises(ValueError) as caught:
            read(path)
        for words in ("drive.mp4: ", "crashed (SIGSEGV)", "IMAGEIO_FFMPEG_EXE=", "apt install"):
            assert words in str(caught.value)
    monkeypatch.setattr("shutil.which", lambda name: REAL)
    assert video.probe(path).frames == 40 and video.announced(path) == 40


def test_the_variable_names_the_ffmpeg(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(crashing(tmp_path)))
    with pytest.raises(ValueError, match="crashes crashed"):
        video.probe(path)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "absent"))
    with pytest.raises(ValueError, match="IMAGEIO_FFMPEG_EXE=.*absent: no such program"):
        video.probe(path)


def test_the_last_line_of_ffmpeg_is_told(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * 100)
    with pytest.raises(ValueError, match=r"a.mp4: not a readable video \(ffmpeg: .*Invalid data"):
        video.probe(path)


@fuzz.lengths(10)
def test_a_damaged_video_gives_frames_or_names_itself(tmp_path, examples):
    whole = make(tmp_path / "whole.mp4", seconds=0.3).read_bytes()
    path = tmp_path / "bad.mp4"

    def check(data):
        path.write_bytes(fuzz.damaged(data, whole))
        for read in (video.probe, video.announced, lambda path: list(video.frames(path))):
            try:
                read(path)
            except ValueError as error:
                assert str(error).startswith(f"{path}: ") and "\n" not in str(error)

    fuzz.run(examples, check, st.data())
