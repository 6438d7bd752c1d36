"""Meters from frame to frame: from oxts, from a file; what is damaged is left out."""

import numpy as np
import pytest

from aquanet_tf.kitti import layout, travel
from tests.support import kitti_tree

STEPS = [0.9, 1.0, 1.2, 1.1]


@pytest.fixture
def drive(tmp_path):
    name = kitti_tree.drive_name(1)
    kitti_tree.write_oxts(tmp_path / name, STEPS)
    return layout.Drive(tmp_path, name)


def test_steps_are_the_way_between_positions(drive):
    found = drive.steps(2)
    assert list(found) == [0, 1, 2, 3]
    np.testing.assert_allclose(list(found.values()), STEPS, rtol=1e-5)


@pytest.mark.parametrize("text", ["", "49.0 8.4 nan", "no oxts"])
def test_a_damaged_file_takes_its_two_steps_along(drive, text):
    (drive.path / "oxts/data/0000000002.txt").write_text(text)
    assert list(drive.steps(2)) == [0, 3]


def test_a_position_that_jumps_is_left_out(drive):
    """Where time stamps tell how far the car can have gone."""
    path = drive.path / "oxts/data/0000000002.txt"
    words = path.read_text().split()
    path.write_text(" ".join([str(float(words[0]) + 1e-5), *words[1:]]))  # a meter to the north
    assert list(drive.steps(2)) == [0, 3]
    (drive.path / "oxts/timestamps.txt").unlink()
    assert list(drive.steps(2)) == [0, 1, 2, 3]


def test_oxts_of_an_unsynchronized_drive_are_not_used(tmp_path):
    name = kitti_tree.drive_name(1).replace("_sync", "_extract")
    kitti_tree.write_oxts(tmp_path / name, STEPS)
    assert layout.Drive(tmp_path, name).steps(2) == {}


def test_times_come_from_the_camera_before_oxts(drive):
    assert travel.times(drive.path, 2)[3] - travel.times(drive.path, 2)[0] == pytest.approx(0.3)
    (drive.path / "image_02").mkdir()
    lines = "2011-09-26 13:02:25.594360375\n\n2011-09-26 13:02:25.801000000\nnever\n"
    (drive.path / "image_02/timestamps.txt").write_text(lines)
    times = travel.times(drive.path, 2)
    assert list(times) == [0, 2] and times[2] - times[0] == pytest.approx(0.20664, abs=1e-5)


def test_a_written_file_is_read_back_and_wins(drive):
    travel.write(drive.path, {0: 0.25, 2: 3.5})
    assert drive.steps(2) == {0: 0.25, 2: 3.5}


@pytest.mark.parametrize("line", ["1", "1 x", "1 -2", "1 nan", "a 1", "1 2 3"])
def test_a_damaged_line_is_named(drive, line):
    (drive.path / travel.FILE).write_text(f"0 1.0\n{line}\n")
    with pytest.raises(ValueError, match="travel.txt line 2: expected a frame number and meters"):
        drive.steps(2)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / travel.FILE).mkdir()
    with pytest.raises(OSError, match=f"cannot write {tmp_path / travel.FILE}: .*; re-run"):
        travel.write(tmp_path, {0: 1.0})
