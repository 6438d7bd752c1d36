"""Frames that were written are read back, in order, and a broken file is named."""

import pathlib

import imageio_ffmpeg
import numpy as np
import pytest

from aquanet_tf.media import video
from tests.support import clips


@pytest.mark.parametrize("shape", [(16, 32), (17, 31)])
def test_round_trip(tmp_path, shape, capfd):
    path = tmp_path / "a.mp4"
    shades = [10, 80, 200, 140]
    with video.writing(path, *shape, 5.0, "comment") as append:
        for shade in shades:
            append(np.full((*shape, 3), shade, np.uint8))
        assert not path.exists()  # not before it is whole
    clip = video.probe(path)
    even = tuple(side + side % 2 for side in shape)
    assert clip == video.Clip(*even, 5.0, len(shades))
    frames = list(video.frames(path))
    assert [frame.shape for frame in frames] == [(*even, 3)] * len(shades)
    np.testing.assert_allclose([frame.mean() for frame in frames], shades, atol=4)
    assert list(tmp_path.iterdir()) == [path]
    assert capfd.readouterr() == ("", "")  # ffmpeg is quiet


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), video.writing(path, 16, 16, 5.0, "") as append:
        append(np.zeros((16, 16, 3), np.uint8))
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_no_videos(tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(ValueError, match="a.mp4: no such file"):
        video.probe(path)
    path.write_bytes(b"x" * 100)
    for read in (video.probe, lambda path: list(video.frames(path))):
        with pytest.raises(ValueError, match="a.mp4: not a readable video"):
            read(path)
    assert video.is_video(tmp_path / "A.MOV") and not video.is_video(tmp_path / "a.png")


@pytest.mark.parametrize("fps", [40 / 4.28, 30000 / 1001, 0.3, 0.004, 240.0])
def test_a_clip_lasts_as_long_as_its_frames_say(tmp_path, monkeypatch, fps):
    """Also a slow one, and one in a folder whose name looks like a protocol."""
    monkeypatch.chdir(tmp_path)
    path = pathlib.Path("2024-05-01T12:30:00/a.mp4")
    with video.writing(path, 16, 16, fps, "") as append:
        for shade in range(40):
            append(np.full((16, 16, 3), shade, np.uint8))
    written = tmp_path / path
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(written))
    assert count == 40 and seconds == pytest.approx(40 / fps, rel=0.01, abs=0.02)


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.wmv", "a.mp4", "a.ts"])
def test_a_recording_that_begins_late_announces_its_own_frames(name, tmp_path):
    """Some formats count the seconds before the first frame, too. No frames are missing there."""
    codec = ("-c:v", "libvpx") if name == "a.webm" else ()
    late = clips.make(tmp_path / name, *codec, "-output_ts_offset", "3")
    assert video.announced(late) == pytest.approx(40, abs=1)
    clip = video.probe(late)
    assert (clip.frames, clip.fps) == (40, pytest.approx(20, rel=0.01))
