"""Which frames structure from motion gets."""

import numpy as np
import pytest
from PIL import Image

from data_prep.calibration import keyframes
from data_prep.video import select
from data_prep.video.crop import NO_CROP, Crop
from data_prep.video.motion import Motion


def scene(monkeypatch, *scenes):
    """Makes `choose` see scenes, each a list of the rotations of its steps."""
    found, number = select.Selection(), 0
    for turns in scenes:
        found.scenes.append(list(range(number, number + len(turns) + 1)))
        found.steps += [Motion(9.0, 0.01 + turn, 0.01, 1.0) for turn in turns]
        number += len(turns) + 1
    monkeypatch.setattr(select, "select", lambda *_: found)
    return found


def test_the_frames_are_those_of_the_turn(monkeypatch, tmp_path):
    scene(monkeypatch, [0.0] * 40 + [0.02] * 30 + [0.0] * 60)
    numbers = keyframes.choose(tmp_path, NO_CROP, 31)
    assert numbers == list(range(40, 71))


def test_a_long_slow_scene_is_thinned_out(monkeypatch, tmp_path):
    """Up to a flow between frames of 1.2 % of the width: 0.4 % here."""
    found = scene(monkeypatch, [0.0] * 199)
    found.steps = [step._replace(flow=0.004, parallax=0.004) for step in found.steps]
    assert keyframes.choose(tmp_path, NO_CROP, 100) == list(range(0, 200, 2))
    assert keyframes.choose(tmp_path, NO_CROP, 20) == list(range(0, 60, 3))
    assert keyframes.choose(tmp_path, NO_CROP, 500) == list(range(200))
    assert keyframes.choose(tmp_path, NO_CROP, 150) == list(range(150))


def test_frames_of_two_scenes_are_never_mixed(monkeypatch, tmp_path):
    scene(monkeypatch, [0.01] * 25, [0.02] * 25)
    assert keyframes.choose(tmp_path, NO_CROP, 60) == list(range(26, 52))


def test_a_longer_scene_is_better_than_a_few_frames_of_a_sharp_turn(monkeypatch, tmp_path):
    scene(monkeypatch, [0.05] * 20, [0.02] * 100)
    assert keyframes.choose(tmp_path, NO_CROP, 150) == list(range(21, 122))


@pytest.mark.parametrize("useless", [[0.1] * 14, [], [-0.001] * 18])
@pytest.mark.parametrize("turn", [0.002, 0.0, -0.001])
def test_a_scene_of_too_few_frames_hides_no_other(monkeypatch, tmp_path, useless, turn):
    scene(monkeypatch, useless, [turn] * 99)
    assert len(keyframes.choose(tmp_path, NO_CROP, 150)) == 100


def test_too_few_frames_are_refused_with_the_fix(monkeypatch, tmp_path):
    scene(monkeypatch, [0.01] * 18, [0.01] * 3)
    with pytest.raises(ValueError, match="has 19 frames, and 20 are needed; give a longer piece"):
        keyframes.choose(tmp_path, NO_CROP, 150)


def test_large_frames_are_reduced_and_margins_hidden(tmp_path):
    clip, images = tmp_path / "clip", tmp_path / "images"
    for folder in (clip, images):
        folder.mkdir()
    for number in range(3):
        Image.new("RGB", (2560, 800), (number, 0, 0)).save(clip / f"{number}.png")
    assert keyframes.write(clip, [0, 2], images) == (800, 2560)
    written = sorted(images.iterdir())
    assert [path.name for path in written] == ["00000000.png", "00000002.png"]
    assert Image.open(written[0]).size == (1280, 400)
    keyframes.write_mask((800, 2560), Crop(top=100, right=560), tmp_path / "mask.png")
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    expected = np.full((400, 1280), 255)
    expected[:50], expected[:, 1000:] = 0, 0
    np.testing.assert_array_equal(mask, expected)
