"""Fixtures for many tests: a tiny KITTI raw directory and data sets made of it."""

import os

# Several workers share the processor: NumPy's own threads would only get in each other's way.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from tests.support import kitti_tree

# Without a deadline, since examples take longer on a busy machine.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.fixture(scope="session")
def raw_dir(tmp_path_factory):
    """A tiny KITTI raw directory with three drives in motion; read-only."""
    specs = [kitti_tree.Spec(), kitti_tree.Spec(cameras=(2, 3)), kitti_tree.Spec(range(4, 12))]
    return kitti_tree.write(tmp_path_factory.mktemp("kitti") / "raw", specs)


@pytest.fixture(scope="session")
def data_dir(raw_dir, tmp_path_factory):
    """Lossless records of `raw_dir`: 14 triplets of 24x80 in three shards; read-only."""
    from data_prep.layouts import kitti

    out = tmp_path_factory.mktemp("kitti") / "records"
    options = kitti.Options(str(raw_dir), str(out), image_format="png", shard_size=5)
    assert kitti.prepare(options)["count"] == 14
    return out


@pytest.fixture(scope="session")
def pair_of_sets(raw_dir, data_dir, tmp_path_factory):
    """`data_dir`, and a JPEG set of one of its drives at 18x60 pixels: 4 triplets; read-only."""
    from data_prep.layouts import kitti

    folder = tmp_path_factory.mktemp("pair")
    (folder / "split.txt").write_text(f"{kitti_tree.drive_name(1)}\n")
    options = kitti.Options(
        str(raw_dir), str(folder / "small"), split=str(folder / "split.txt"), height=18
    )
    assert kitti.prepare(options)["count"] == 4
    return data_dir, folder / "small"
