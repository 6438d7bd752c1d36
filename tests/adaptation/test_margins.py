"""What never moves is cut off, and nothing else."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aquanet_tf.adaptation import margins

HEIGHT, WIDTH = 180, 320
TEXTURE = np.asarray(
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 100, 3), dtype=np.uint8)).resize(
        (1000, 600), Image.Resampling.BICUBIC
    )
)


def scene(number):
    """A frame whose every part moves: another part of a texture."""
    row, column = np.random.default_rng(number).integers(0, 400, 2)
    return TEXTURE[row : row + HEIGHT, column : column + WIDTH].copy()


def found(change=lambda frame: None, count=40):
    frames = []
    for number in range(count):
        frame = scene(number)
        change(frame)
        frames.append(frame)
    return margins.find(margins.Statistics(frames))


def hood(frame):
    rows = HEIGHT - 30 + (np.abs(np.arange(WIDTH) - WIDTH / 2) / 40).astype(int)
    frame[np.arange(HEIGHT)[:, None] >= rows] = 25


def test_where_all_moves_nothing_is_cut_off():
    assert found() == (0, 0, 0, 0)


def test_a_hood():
    top, bottom, left, right = found(hood)
    assert (top, left, right) == (0, 0, 0) and 28 <= bottom <= 37


def test_bars():
    def bars(frame):
        frame[:20], frame[-20:], frame[:, :12] = 0, 0, 0

    top, bottom, left, right = found(bars)
    assert 20 <= top <= 27 and 20 <= bottom <= 27 and 12 <= left <= 22 and right == 0


def test_burnt_in_text():
    def text(frame):
        picture = Image.fromarray(frame)
        ImageDraw.Draw(picture).text((10, 5), "2017-05-30 21:06:55 47 KM/H", fill=(255, 255, 255))
        frame[:] = np.asarray(picture)

    top, bottom, left, right = found(text)
    assert (bottom, left, right) == (0, 0, 0) and 13 <= top <= 21


def test_lane_markings_are_no_hood():
    """They stay where they are, but run toward the horizon."""

    def lanes(frame):
        picture = Image.fromarray(frame)
        for foot in (60, 260):
            ImageDraw.Draw(picture).line([(160, 90), (foot, HEIGHT)], fill=(255, 255, 255), width=3)
        frame[:] = np.asarray(picture)

    assert found(lanes) == (0, 0, 0, 0)


def test_larger_frames_give_margins_in_their_own_pixels():
    def large(number):
        frame = scene(number)
        hood(frame)
        return np.repeat(np.repeat(frame, 4, 0), 4, 1)

    _, bottom, _, _ = margins.find(margins.Statistics(map(large, range(30))))
    assert 4 * 28 <= bottom <= 4 * 38


def test_a_camera_that_stands_still():
    still = margins.Statistics([scene(1)] * 20)
    assert still.still and still.unclear
    moving = margins.Statistics(map(scene, range(20)))
    assert not moving.still and not moving.unclear


def test_no_frame():
    with pytest.raises(ValueError, match="no frame"):
        margins.Statistics([])
