"""The first look: what is refused, and with which reason."""

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.adaptation import clip
from aquanet_tf.media import video
from tests.adaptation.test_margins import HEIGHT, WIDTH, hood, scene


def folder(path, frames):
    path.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(path / f"{number:03d}.png")
    return str(path)


def test_a_good_drive(tmp_path):
    def frame(number):
        found = scene(number)
        hood(found)
        return found

    seen = clip.look(folder(tmp_path / "in", map(frame, range(32))))
    assert (seen.height, seen.width, seen.frames) == (HEIGHT, WIDTH, 32) and not seen.warnings
    assert seen.crop[1] and seen.shape == (HEIGHT - seen.crop[1], WIDTH)
    assert "32 frames of 320x180" in seen.line()
    assert seen.with_warnings(["a"]).warnings == ("a",)


def test_a_given_crop_is_kept(tmp_path):
    source = folder(tmp_path / "in", map(scene, range(30)))
    assert clip.look(source, ["1", "2", "3", "4"]).crop == (1, 2, 3, 4)
    with pytest.raises(ValueError, match="--crop=1,2: expected TOP"):
        clip.look(source, ["1", "2"])
    with pytest.raises(ValueError, match="--crop=60,60,0,0 leaves 320x60 of 320x180 pixels"):
        clip.look(source, ["60", "60", "0", "0"])
    with pytest.raises(ValueError, match="--crop=1,2,3,90000 leaves 0x177 of 320x180 pixels"):
        clip.look(source, ["1", "2", "3", "90000"])


def test_too_few_images(tmp_path):
    with pytest.raises(ValueError, match="in: 9 images; needed are 30"):
        clip.look(folder(tmp_path / "in", map(scene, range(9))))


def test_two_seconds(tmp_path):
    path = tmp_path / "short.mp4"
    with video.writing(path, HEIGHT, WIDTH, 20.0, "") as append:
        for number in range(40):
            append(scene(number))
    with pytest.raises(ValueError, match=r"short.mp4: 2.0 s long; needed are 4 s"):
        clip.look(str(path))


def test_night(tmp_path):
    with pytest.raises(ValueError, match="too dark: mean gray level"):
        clip.look(folder(tmp_path / "in", (scene(n) // 8 for n in range(30))))


def test_a_tripod(tmp_path):
    noise = np.random.default_rng(0)
    frames = [scene(1) // 2 + noise.integers(0, 3, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(30)]
    with pytest.raises(ValueError, match="the camera does not move: .* of the edges stay"):
        clip.look(folder(tmp_path / "in", frames))


def test_slow_motion_gives_a_warning(tmp_path):
    """A part of the image stays: what is fixed to the camera cannot be told."""

    def frame(number):
        return np.where(np.arange(WIDTH)[None, :, None] < 200, scene(number), scene(1))

    seen = clip.look(folder(tmp_path / "in", map(frame, range(30))))
    assert seen.crop == (0, 0, 0, 0) and "nothing is cut off" in seen.warnings[0]


def test_frames_of_two_sizes(tmp_path):
    frames = [scene(n)[: HEIGHT - n // 20] for n in range(30)]
    with pytest.raises(ValueError, match="has 320x179 pixels, the ones before 320x180"):
        clip.look(folder(tmp_path / "in", frames))
