"""Pose files are read as they were written, and bad lines are named."""

import numpy as np
import pytest

from aquanet_tf.trajectory import pose_files, poses
from tests.trajectory.test_poses import walk


def test_kitti_files_come_back(tmp_path):
    path = walk(7)
    pose_files.write_kitti(tmp_path / "poses.txt", path)
    np.testing.assert_allclose(pose_files.read_kitti(tmp_path / "poses.txt"), path, atol=1e-8)


def test_tum_lines_are_time_position_quaternion(tmp_path):
    path = poses.forward(3)
    pose_files.write_tum(tmp_path / "poses.txt", path, np.array([0.0, 0.1, 0.2]))
    rows = np.loadtxt(tmp_path / "poses.txt")
    np.testing.assert_allclose(rows[2], [0.2, 0, 0, 2, 0, 0, 0, 1], atol=1e-8)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 0 0 0 0 1 0 0 0 0 1 0\n1 2 3\n", ":2: expected the 12 numbers"),
        ("1 0 0 0 0 1 0 0 0 0 1 nan\n", ":1: expected"),
        ("time x y\n", ":1: expected"),
        ("\n\n", "holds no pose"),
    ],
)
def test_bad_files_name_the_line(tmp_path, text, said):
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(ValueError, match=f"p.txt.*{said}"):
        pose_files.read_kitti(tmp_path / "p.txt")
