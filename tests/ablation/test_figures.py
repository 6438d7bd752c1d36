"""The frames of a figure: evaluated, with neighbors, of every drive, where most moves."""

import shutil
import types

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from aquanet_tf.ablation import figures
from aquanet_tf.kitti import ground_truth
from tests.support import kitti_tree

DRIVES, FRAMES = 3, 6
INNER = range(1, FRAMES - 1)  # frames with both neighbors


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Three drives of a scene. More moves from frame to frame, and most in the second drive."""
    raw = kitti_tree.write_scene(tmp_path_factory.mktemp("raw"), DRIVES, FRAMES)
    for path in raw.rglob("motion_masks/image_02/*.png"):
        mask = np.zeros(kitti_tree.SCENE_SHAPE, np.uint8)
        mask[: 1 + int(path.stem) + 8 * (drive_of(path) == 2)] = 255
        Image.fromarray(mask).save(path)
    return raw


def drive_of(path):
    return next(n for n in range(1, DRIVES + 1) if kitti_tree.drive_name(n) in str(path))


def evaluation(raw, keep=lambda frame: True):
    """What figures read of a result file: the protocol and the keys of the measured frames."""
    frames, _ = ground_truth.find_frames(raw, "all", 2, "depth")
    rows = [{"frame": frame.key} for frame in frames if keep(frame)]
    protocol = {"ground_truth": "depth"}
    return {"protocol": protocol, "split": "all", "camera": 2, "rows": rows}


def chosen(raw, count, **kwargs):
    """(drive, frame number) of the chosen frames."""
    plan = types.SimpleNamespace(gt_dir=str(raw))
    frames = figures.choose_frames(plan, evaluation(raw, **kwargs), count)
    return [(drive_of(frame.image), frame.number) for frame in frames]


def test_the_frame_with_most_motion_of_each_drive_in_turn(raw):
    last = INNER[-1]
    assert chosen(raw, 1) == [(2, last)]
    assert chosen(raw, 3) == [(1, last), (2, last), (3, last)]
    assert chosen(raw, 4) == [(1, last), (2, last - 1), (2, last), (3, last)]


@pytest.mark.parametrize("count", [1, 2, 5, 7, 12, 40])
def test_frames_are_different_in_order_and_spread_over_the_drives(raw, count):
    found = chosen(raw, count)
    assert len(found) == min(count, DRIVES * len(INNER))
    assert found == sorted(set(found)) and {number for _, number in found} <= set(INNER)
    each = [sum(drive == d for drive, _ in found) for d in range(1, DRIVES + 1)]
    assert max(each) - min(each) <= 1


def test_only_measured_frames_are_shown(raw):
    found = chosen(raw, 9, keep=lambda frame: frame.number == 2 and drive_of(frame.image) != 2)
    assert found == [(1, 2), (3, 2)]


def test_without_masks_frames_are_evenly_spaced(raw, tmp_path):
    plain = shutil.copytree(raw, tmp_path / "raw")
    for folder in plain.rglob("motion_masks"):
        shutil.rmtree(folder)
    every = [(drive, number) for drive in range(1, DRIVES + 1) for number in INNER]
    assert chosen(plain, 99) == every
    places = [every.index(frame) for frame in chosen(plain, 4)]
    assert places[0] == 0 and places[-1] == len(every) - 1
    assert np.ptp(np.diff(places)) <= 1
    assert chosen(plain, 1) == every[:1]


def test_masks_without_motion_are_none(raw, tmp_path):
    still = shutil.copytree(raw, tmp_path / "raw")
    for path in still.rglob("motion_masks/image_02/*.png"):
        Image.fromarray(np.zeros(kitti_tree.SCENE_SHAPE, np.uint8)).save(path)
    assert len(chosen(still, 4)) == 4 and chosen(still, 99) == sorted(chosen(still, 99))


@pytest.mark.parametrize("number", [0, FRAMES - 1])
def test_frames_at_the_ends_of_drives_are_none(raw, number):
    with pytest.raises(ValueError, match="no evaluated frame has both neighbors"):
        chosen(raw, 4, keep=lambda frame: frame.number == number)
