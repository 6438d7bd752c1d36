"""Which frames a split selects, and the ground truth of each."""

import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.kitti import ground_truth
from tests.support import kitti_tree


@pytest.fixture
def raw(tmp_path):
    return kitti_tree.write_scene(tmp_path / "raw")


def split(tmp_path, *lines):
    path = tmp_path / "split.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_all_frames_with_annotated_depth(raw):
    frames, without = ground_truth.find_frames(raw, "all", 2, "depth")
    assert (len(frames), without) == (6, 0)
    for frame in frames:
        np.testing.assert_array_equal(frame.depth(), kitti_tree.scene_depth(frame.number))
        np.testing.assert_array_equal(
            frame.moving(kitti_tree.SCENE_SHAPE), kitti_tree.moving_mask()
        )
    assert frames[0].key == f"{kitti_tree.drive_name(1)} 0000000000 l"


def test_velodyne_depth_lies_on_the_scene(raw):
    frames, without = ground_truth.find_frames(raw, "all", 2, "velodyne")
    assert (len(frames), without) == (2, 4)
    depth = frames[0].depth()
    assert depth.shape == kitti_tree.SCENE_SHAPE
    hit = depth > 0
    assert 0.1 < hit.mean() < 0.2
    np.testing.assert_allclose(depth[hit], kitti_tree.scene_depth()[hit], rtol=1e-5)


def test_split_lines_choose_drive_frame_and_camera(raw, tmp_path):
    one, two = kitti_tree.drive_name(1), kitti_tree.drive_name(2)
    path = split(tmp_path, "# held out", two, "", f"{one} 1 l", f"{one} 0000000002")
    frames, _ = ground_truth.find_frames(raw, path, 2, "depth")
    found = [(frame.drive.name, frame.number) for frame in frames]
    assert found == [(two, 0), (two, 1), (two, 2), (one, 1), (one, 2)]
    with pytest.raises(ValueError, match="image_03"):
        ground_truth.find_frames(raw, split(tmp_path, f"{one} 1 r"), 2, "depth")


@pytest.mark.parametrize("gone", ["image_02/data", "proj_depth/groundtruth/image_02"])
def test_missing_file_of_a_listed_frame_is_named(raw, tmp_path, gone):
    path = raw / kitti_tree.drive_name(1) / gone / "0000000001.png"
    path.unlink()
    listed = split(tmp_path, f"{kitti_tree.drive_name(1)} 1")
    with pytest.raises(ValueError) as error:
        ground_truth.find_frames(raw, listed, 2, "depth")
    assert str(path) in str(error.value)
    whole, without = ground_truth.find_frames(
        raw, split(tmp_path, kitti_tree.drive_name(1)), 2, "depth"
    )
    assert [frame.number for frame in whole] == [0, 2]
    assert without == (0 if "image" in gone.split("/")[0] else 1)


def test_missing_drive_and_drive_without_truth_are_named(raw, tmp_path):
    with pytest.raises(ValueError, match="drive_0077_sync"):
        ground_truth.find_frames(raw, split(tmp_path, kitti_tree.drive_name(77)), 2, "depth")
    for file in (raw / kitti_tree.drive_name(2) / "velodyne_points" / "data").iterdir():
        file.unlink()
    listed = split(tmp_path, kitti_tree.drive_name(1), kitti_tree.drive_name(2))
    with pytest.raises(ValueError, match="drive_0002_sync/velodyne_points"):
        ground_truth.find_frames(raw, listed, 2, "velodyne")
    assert len(ground_truth.find_frames(raw, "all", 2, "velodyne")[0]) == 1


def test_an_empty_scan_counts_as_missing(raw, tmp_path):
    scan = raw / kitti_tree.drive_name(1) / "velodyne_points/data/0000000000.bin"
    scan.write_bytes(b"")
    frames, without = ground_truth.find_frames(raw, "all", 2, "velodyne")
    assert [frame.drive.name for frame in frames] == [kitti_tree.drive_name(2)] and without == 5
    listed = split(tmp_path, f"{kitti_tree.drive_name(1)} 0")
    with pytest.raises(ValueError, match=f"missing {scan}"):
        ground_truth.find_frames(raw, listed, 2, "velodyne")


@pytest.mark.parametrize("place", ["", "train"])
def test_annotated_depth_as_downloaded(raw, tmp_path, place):
    expected, _ = ground_truth.find_frames(raw, "all", 2, "depth")
    maps = tmp_path / "annotated"
    for number, part in ((1, "train"), (2, "train" if place else "val")):
        name = kitti_tree.drive_name(number)
        target = maps / part / name.split("/")[1] / "proj_depth"
        target.parent.mkdir(parents=True)
        (raw / name / "proj_depth").rename(target)
    with pytest.raises(ValueError, match="no frame of camera 2 has ground truth"):
        ground_truth.find_frames(raw, "all", 2, "depth")
    frames, without = ground_truth.find_frames(raw, "all", 2, "depth", str(maps / place))
    assert [frame.key for frame in frames] == [frame.key for frame in expected] and not without
    np.testing.assert_array_equal(frames[1].depth(), kitti_tree.scene_depth(1))
    gone = maps / "train" / kitti_tree.drive_name(1).split("/")[1]
    gone = gone / "proj_depth/groundtruth/image_02/0000000002.png"
    gone.unlink()
    listed = split(tmp_path, f"{kitti_tree.drive_name(1)} 2 l")
    with pytest.raises(ValueError, match=f"missing {gone}"):
        ground_truth.find_frames(raw, listed, 2, "depth", str(maps))


def test_a_depth_dir_without_depth_is_named(raw, tmp_path):
    for folder in (tmp_path / "absent", raw / kitti_tree.drive_name(1)):
        with pytest.raises(ValueError, match=f"--depth_dir={folder}: no train/DRIVE"):
            ground_truth.find_frames(raw, "all", 2, "depth", str(folder))


def test_a_frame_that_the_list_says_is_not_annotated_is_not_required(raw, tmp_path):
    picture = f"{kitti_tree.drive_name(1)}/image_02/data/000000000%d.png"
    (raw / kitti_tree.drive_name(1) / "proj_depth/groundtruth/image_02/0000000000.png").unlink()
    listed = split(tmp_path, f"{picture % 0} None 721.5", f"{picture % 1} depth.png 721.5")
    frames, without = ground_truth.find_frames(raw, listed, 2, "depth")
    assert [frame.number for frame in frames] == [1] and without == 1
    assert len(ground_truth.find_frames(raw, split(tmp_path, picture % 2), 2, "depth")[0]) == 1


def test_nothing_at_all_is_an_error_with_advice(raw):
    with pytest.raises(ValueError, match="--ground_truth"):
        ground_truth.find_frames(raw, "all", 3, "depth")
    with pytest.raises(ValueError, match="no such directory"):
        ground_truth.find_frames(raw / "nowhere", "all", 2, "depth")


def test_no_motion_mask_and_wrong_size(tmp_path):
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=1, frames=1, masks=False)
    frame = ground_truth.find_frames(raw, "all", 2, "depth")[0][0]
    assert frame.moving(kitti_tree.SCENE_SHAPE) is None
    path = raw / kitti_tree.drive_name(1) / "motion_masks" / "image_02" / "0000000000.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(path)
    frame = ground_truth.find_frames(raw, "all", 2, "depth")[0][0]
    with pytest.raises(ValueError, match="motion_masks"):
        frame.moving(kitti_tree.SCENE_SHAPE)


def test_a_damaged_file_of_the_truth_is_named(raw):
    frame = ground_truth.find_frames(raw, "all", 2, "depth")[0][0]
    for path, read, what in (
        (frame.truth, frame.depth, "depth map"),
        (frame.motion_mask, lambda: frame.moving(kitti_tree.SCENE_SHAPE), "motion mask"),
    ):
        whole = path.read_bytes()
        for data in (whole[: len(whole) // 2], whole[:20] + b"x" + whole[21:], b"no picture", b""):
            path.write_bytes(data)
            with pytest.raises(ValueError, match=f"{path}: not a readable {what} .*; unpack it"):
                read()
        path.unlink()
        with pytest.raises(FileNotFoundError):
            read()


def test_horizon_follows_the_size(raw):
    frame = ground_truth.find_frames(raw, "all", 2, "depth")[0][0]
    height, width = kitti_tree.SCENE_SHAPE
    assert frame.horizon((height, width)) == kitti_tree.HORIZON
    assert frame.horizon((2 * height, 2 * width)) == 2 * (kitti_tree.HORIZON + 0.5) - 0.5


def test_real_frame_both_sources_agree():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set: no real KITTI frame")
    raw = pathlib.Path(root) / "kitti_raw"
    name = "2011_09_26/2011_09_26_drive_0001_sync"
    depths = {}
    for source in ("depth", "velodyne"):
        frames, _ = ground_truth.find_frames(raw, "all", 2, source)
        chosen = [frame for frame in frames if frame.drive.name == name]
        assert [frame.number for frame in chosen] == [5]
        assert chosen[0].moving((375, 1242)) is None
        depths[source] = chosen[0].depth()
    both = (depths["depth"] > 0) & (depths["velodyne"] > 0)
    ratio = depths["depth"][both] / depths["velodyne"][both]
    assert both.sum() > 5000
    assert abs(np.median(ratio) - 1) < 0.01
