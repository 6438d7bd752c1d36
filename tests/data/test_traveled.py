"""Triplets with distances, from records."""

import numpy as np
import pytest

from aquanet_tf.data import records, traveled
from data_prep.layouts import kitti
from tests.support import kitti_tree

# Meters from frame i to i + 1: every triplet is told apart.
STEPS = [0.5, 0.7, 1.1, 1.3, 1.7, 1.9, 2.3, 2.9, 3.1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`half`: 8 triplets with distances and 4 without; `none`: 4 without; `jpeg`: as half."""
    folder = tmp_path_factory.mktemp("traveled")
    specs = [kitti_tree.Spec(frames=tuple(range(10))), kitti_tree.Spec()]
    raw = kitti_tree.write(folder / "raw", specs)
    kitti_tree.write_oxts(raw / kitti_tree.drive_name(1), STEPS)
    for name, form in (("half", "png"), ("jpeg", "jpeg")):
        options = kitti.Options(
            str(raw), str(folder / name), image_format=form, distances=True, shard_size=3
        )
        assert kitti.prepare(options)["distances"] == 8
    raw = kitti_tree.write(folder / "other")
    kitti.prepare(kitti.Options(str(raw), str(folder / "none"), image_format="png"))
    return folder


def pairs(sets, count):
    return [each.distances for each in traveled.spread(sets, count)]


def test_all_triplets_with_a_distance_come_with_their_frames(folder):
    sets = traveled.open_sets(str(folder / "half"))
    found = list(traveled.spread(sets, 100))
    expected = sorted(zip(STEPS, STEPS[1:]))
    np.testing.assert_allclose(sorted(each.distances for each in found), expected, rtol=1e-5)
    assert traveled.without(sets) == 4
    for each in found:
        frame = 1 + int(np.argmin(np.abs(np.array(STEPS) - each.distances[0])))
        for image, number in zip(each.images, (frame - 1, frame, frame + 1)):
            assert (image == kitti_tree.image(number, seed=12)).all()


@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_at_most_so_many_and_evenly_spread(folder, count):
    sets = traveled.open_sets(str(folder / "half"))
    every, found = pairs(sets, 100), pairs(sets, count)
    step = -(-len(every) // count)
    assert found == every[::step] and len(found) <= count


def test_several_data_sets_of_several_formats(folder):
    one = traveled.open_sets(str(folder / "half"))
    both = traveled.open_sets(f"{folder / 'half'},{folder / 'jpeg'}")
    assert len(pairs(both, 100)) == 16 and traveled.without(both) == 8
    found = list(traveled.spread(both, 100))
    for a, b in zip(traveled.spread(one, 100), found[8:]):
        assert a.distances == b.distances
        assert np.abs(a.images[1].astype(int) - b.images[1]).mean() < 4


def test_a_data_set_without_distances_is_named_with_what_to_do(folder):
    names = f"{folder / 'half'},{folder / 'none'}"
    with pytest.raises(ValueError, match="no record of .*none has a distance.*--speed_kmh or"):
        traveled.open_sets(names)
    with pytest.raises(ValueError, match="no such file"):
        traveled.open_sets(str(folder))


def test_a_triplet_may_know_the_distance_to_one_neighbor(tmp_path):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec()])
    drive = raw / kitti_tree.drive_name(1)
    kitti_tree.write_oxts(drive, STEPS[:5])
    (drive / "oxts" / "data" / "0000000000.txt").unlink()
    options = kitti.Options(str(raw), str(tmp_path / "out"), image_format="png", distances=True)
    kitti.prepare(options)
    found = sorted(pairs(traveled.open_sets(str(tmp_path / "out")), 100))
    assert found[0] == (records.UNKNOWN, pytest.approx(STEPS[1])) and len(found) == 4
    assert min(map(min, found[1:])) > 0
