from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.kitti.split_file import SplitEntry
from data_prep.dataset import select
from tests.support import kitti_tree

FILTER = select.StaticFilter(min_speed=0.5, min_difference=1.0)


def choose(raw, cameras=(2,), split=None, stride=1, static=None):
    drives = kitti_layout.list_drives(raw)
    with ThreadPoolExecutor(2) as pool:
        return select.choose(drives, cameras, split, stride, static, pool)


def targets(found):
    return [triplet.frames[1] for triplet in found.triplets]


class FakeDrive:
    name = "2011_09_26/fake"

    def __init__(self, frames):
        self.frames = frames

    def images(self, camera):
        return {frame: f"{camera}/{frame}.png" for frame in sorted(self.frames)}


@given(st.sets(st.integers(0, 30)), st.integers(1, 4))
def test_a_triplet_for_every_frame_with_both_neighbors_and_no_other(frames, stride):
    found = select.choose([FakeDrive(frames)], [2], None, stride, None, None)
    expected = [t for t in sorted(frames) if {t - stride, t + stride} <= frames]
    assert targets(found) == expected
    assert found.drops["no_neighbours"] == len(frames) - len(expected)
    for triplet in found.triplets:
        assert triplet.frames[1] - triplet.frames[0] == triplet.frames[2] - triplet.frames[1]
        assert triplet.paths == tuple(f"2/{frame}.png" for frame in triplet.frames)


def test_key_names_the_target_frame(raw_dir):
    found = choose(raw_dir, cameras=(2, 3))
    assert found.triplets[0].key == f"{kitti_tree.drive_name(1)}/image_02/0000000001"
    keys = [triplet.key for triplet in found.triplets]
    assert len(set(keys)) == len(keys) == 4 + 8 + 6


def test_a_missing_camera_is_noted(raw_dir):
    found = choose(raw_dir, cameras=(3,))
    assert len(found.triplets) == 4
    notes = {source["drive"]: source.get("note") for source in found.sources}
    assert notes[kitti_tree.drive_name(1)] == "no image_03; --camera=2 has images"
    assert notes[kitti_tree.drive_name(2)] is None


def test_split_chooses_drives_frames_and_sides(raw_dir):
    two = kitti_tree.drive_name(2)
    split = [
        SplitEntry(kitti_tree.drive_name(3)),
        SplitEntry(two, 2, 2),
        SplitEntry(two, 3, 3),
        SplitEntry(two, 0, 2),
        SplitEntry("2011_09_26/absent"),
    ]
    found = choose(raw_dir, split=split)
    assert targets(found) == [5, 6, 7, 8, 9, 10, 2]
    assert found.drops == {"no_neighbours": 3, "camera_not_selected": 1}
    assert found.sources[-1]["note"] == "not in the raw directory"
    both = choose(raw_dir, cameras=(2, 3), split=split)
    assert [t.frames[1] for t in both.triplets if t.camera == 3] == [3]


def test_standing_still_by_speed(tmp_path):
    speeds = {frame: 5.0 if frame >= 4 else 0.1 for frame in range(8)}
    # The images move: where oxts is there, it decides.
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(8), speeds=speeds)])
    found = choose(raw, static=FILTER)
    assert targets(found) == [3, 4, 5, 6]
    assert found.drops["static_speed"] == 2
    assert len(choose(raw).triplets) == 6


def test_standing_still_by_image_difference(tmp_path):
    specs = [kitti_tree.Spec(motion=0.0), kitti_tree.Spec(motion=2.0)]
    raw = kitti_tree.write(tmp_path / "raw", specs)
    found = choose(raw, static=FILTER)
    assert {t.drive.name for t in found.triplets} == {kitti_tree.drive_name(2)}
    assert found.drops["static_image"] == 4


def test_image_difference_is_used_for_frames_without_oxts(tmp_path):
    speeds = {0: 9.0, 1: 9.0, 2: 9.0}
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(motion=0.0, speeds=speeds)])
    assert targets(choose(raw, static=FILTER)) == [1]


@pytest.mark.parametrize("damage", [b"", b"not an image", None])
def test_unreadable_files_are_listed(tmp_path, damage):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(10))])
    path = raw / kitti_tree.drive_name(1) / "image_02/data/0000000004.png"
    path.write_bytes(path.read_bytes()[:900] if damage is None else damage)
    found = choose(raw, static=FILTER)
    assert targets(found) == [1, 2, 6, 7, 8]
    assert found.drops["unreadable"] == 3
    assert [entry["file"] for entry in found.dropped_files] == [str(path)]
    assert found.dropped_files[0]["reason"]


def test_frames_of_another_size_are_left_to_the_encoder(tmp_path):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(3))])
    path = raw / kitti_tree.drive_name(1) / "image_02/data/0000000001.png"
    Image.new("RGB", (40, 12)).save(path)
    assert targets(choose(raw, static=FILTER)) == [1]
