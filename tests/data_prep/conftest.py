"""Fixtures of data preparation."""

import pytest

from tests.support import kitti_tree


@pytest.fixture
def own(tmp_path):
    """A raw directory that a test may spoil: one drive, eight triplets."""
    return kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(10))])
