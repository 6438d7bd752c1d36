"""Times of frames: of the file where it says them, else of a rate."""

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.media import video
from aquanet_tf.trajectory import frames


@pytest.fixture
def drive(tmp_path):
    """A KITTI drive with images 1, 2, 4 and 5 of camera 2, and time stamps of six frames."""
    folder = tmp_path / "drive" / "image_02"
    (folder / "data").mkdir(parents=True)
    for number in (1, 2, 4, 5):
        Image.new("RGB", (8, 8)).save(folder / "data" / f"{number:010d}.png")
    stamps = (f"2011-09-26 13:02:2{second:.9f}\n" for second in (0.0, 0.5, 1.25, 2.0, 2.5, 4.0))
    (folder / "timestamps.txt").write_text("".join(stamps))
    return tmp_path / "drive"


def test_a_drive_has_the_times_of_its_time_stamps(drive):
    for source in (drive, drive / "image_02" / "data"):
        np.testing.assert_allclose(frames.open_frames(source).times, [0, 0.75, 2.0, 3.5])
    np.testing.assert_allclose(frames.open_frames(drive, stride=2).times, [0, 2.0])
    np.testing.assert_allclose(frames.open_frames(drive, fps=5.0).times, np.arange(4) / 5)


@pytest.mark.parametrize("damage", ["short", "text", "backward", "gone"])
def test_incomplete_time_stamps_do_not_count(drive, damage):
    path = drive / "image_02" / "timestamps.txt"
    lines = path.read_text().splitlines()
    damaged = {"short": lines[:5], "text": [*lines[:4], "", lines[5]], "backward": lines[::-1]}
    path.write_text("\n".join(damaged.get(damage, [])))
    if damage == "gone":
        path.unlink()
    np.testing.assert_allclose(frames.open_frames(drive).times, np.arange(4) / 10)


def test_a_video_says_its_own_rate(tmp_path):
    path = tmp_path / "clip.mp4"
    with video.writing(path, 16, 16, 8.0, "") as append:
        for _ in range(3):
            append(np.zeros((16, 16, 3), np.uint8))
    np.testing.assert_allclose(frames.open_frames(path).times, np.arange(3) / 8)
    with pytest.raises(ValueError, match="--fps is for folders; .*clip.mp4 is a video"):
        frames.open_frames(path, 25.0)
