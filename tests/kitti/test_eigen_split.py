"""The Eigen split: the test set is the published one, and no training split has its drives."""

import os
import pathlib

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.data import records
from aquanet_tf.evaluation import eigen
from aquanet_tf.kitti import eigen_split, ground_truth, split_file
from aquanet_tf.kitti import layout as kitti_layout
from data_prep.dataset import select
from data_prep.layouts import eigen_lists, kitti
from tests.support import commands, kitti_tree

TEST = sorted(eigen_split.TEST_FRAMES)
OTHERS = ["2011_09_26_drive_0001", "2011_09_26_drive_0019", "2011_10_03_drive_0042"]
STATIC = select.StaticFilter(0.5, 1.0)


def name(recording, ending="_sync"):
    return f"{recording[:10]}/{recording}{ending}"


def test_the_published_numbers():
    original, improved = eigen_split.test_entries(), eigen_split.test_entries(improved=True)
    assert len(set(original)) == len(original) == 697
    assert len(set(improved)) == len(improved) == 652
    assert set(improved) < set(original) and len({entry.drive for entry in original}) == 28
    frames = {d: sorted(e.frame for e in original if e.drive == name(d)) for d in TEST}
    assert {len(numbers) for numbers in frames.values()} == {22, 25}
    # Length of the published file of the 652, whose frame numbers are not padded: a checksum.
    assert sum(len(f"{e.drive} {e.frame} l\n") for e in improved) == 28471
    assert frames["2011_09_26_drive_0009"][11:13] == [176, 196]
    assert frames["2011_09_30_drive_0018"][-4:] == [2419, 2526, 2633, 2740]


def test_what_has_no_annotation_is_at_the_ends():
    """KITTI does not annotate the first and last frames of a drive."""
    improved = set(eigen_split.test_entries(improved=True))
    for drive in TEST:
        entries = [e for e in eigen_split.test_entries() if e.drive == name(drive)]
        kept = [e.frame for e in entries if e in improved]
        gone = [e.frame for e in entries if e not in improved]
        assert min(kept) >= 5 and all(f < 5 or f > max(kept) for f in gone)


drives = st.lists(
    st.builds(
        lambda date, number, ending: f"{date}/{date}_drive_{number:04d}{ending}",
        st.sampled_from(["2011_09_26", "2011_09_28", "2011_09_29", "2011_09_30", "2011_10_03"]),
        st.integers(0, 120),
        st.sampled_from(["_sync", "_extract", ""]),
    )
    | st.builds(name, st.sampled_from(TEST), st.sampled_from(["_sync", "_extract", "", "_copy"])),
    unique=True,
)


@given(drives)
def test_no_test_drive_is_in_any_training_split(names):
    found = {
        split: [entry.drive for entry in eigen_split.training_entries(split, names)]
        for split in eigen_split.TRAINING_SPLITS
    }
    for drive in found["eigen"]:
        assert not any(drive.split("/")[1].startswith(test) for test in TEST)
    left_out = set(names) - set(found["eigen"])
    assert all(any(drive.split("/")[1].startswith(test) for test in TEST) for drive in left_out)
    train, val = set(found["eigen_train"]), set(found["eigen_val"])
    assert not train & val and train | val == set(found["eigen"])


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A raw directory with three test drives (one under another ending), three others."""
    root = kitti_tree.write(
        tmp_path_factory.mktemp("eigen") / "raw", [kitti_tree.Spec(cameras=(2, 3))] * 6
    )
    wanted = [name(d) for d in OTHERS] + [name(d) for d in (TEST[0], TEST[-1])]
    wanted.append(name(TEST[5], "_extract"))
    for number, target in enumerate(wanted, 1):
        place = root / target
        place.parent.mkdir(exist_ok=True)
        (root / kitti_tree.drive_name(number)).rename(place)
        (place.parent / "calib_cam_to_cam.txt").write_text(kitti_tree.calibration())
    return root


def recordings(folder):
    files = sorted(map(str, folder.glob("*.tfrecord")))
    parsed = [records.parse(data) for data in tf.data.TFRecordDataset(files)]
    return {eigen_split.recording(fields["drive"].numpy().decode()) for fields in parsed}


def test_records_hold_no_test_drive(raw, tmp_path):
    for split, expected in (
        ("eigen", set(OTHERS)),
        ("eigen_train", {OTHERS[0], OTHERS[2]}),
        ("eigen_val", {OTHERS[1]}),
    ):
        info = kitti.prepare(kitti.Options(str(raw), str(tmp_path / split), split=split))
        assert recordings(tmp_path / split) == expected
        assert info["arguments"]["split"] == split and "split_content" in info["arguments"]


def test_a_directory_of_test_drives_cannot_be_trained_on(tmp_path):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec()])
    (raw / kitti_tree.drive_name(1)).rename(raw / name(TEST[0]))
    with pytest.raises(ValueError, match="--split=eigen: none of its drives .*which has 2011_09"):
        kitti.prepare(kitti.Options(str(raw), str(tmp_path / "out"), split="eigen"))
    with pytest.raises(ValueError, match="--split=eigen_test: no such file, .*eigen_val; the test"):
        kitti.prepare(kitti.Options(str(raw), str(tmp_path / "out"), split="eigen_test"))


def test_list_files_are_read_back_and_disjoint(raw, tmp_path):
    found = eigen_lists.lists(str(raw), STATIC, 2)
    entries = {}
    for file, lines in found.items():
        (tmp_path / file).write_text("\n".join(lines))
        entries[file] = split_file.read(tmp_path / file)
    assert entries["test_files.txt"] == eigen_split.test_entries()
    assert entries["test_improved_files.txt"] == eigen_split.test_entries(improved=True)
    train, val = entries["train_files.txt"], entries["val_files.txt"]
    assert len(train) == 2 * 2 * 4 and len(val) == 2 * 4  # two cameras, the ends have no neighbor
    assert {entry.camera for entry in train} == {2, 3}
    assert not {e.drive for e in train} & {e.drive for e in val}
    assert not any(eigen_split.is_test_drive(entry.drive) for entry in train + val)


@pytest.fixture
def three_frames(monkeypatch, tmp_path):
    """A test set of three frames, with the files they need."""
    monkeypatch.setattr(eigen_split, "TEST_FRAMES", {"2011_09_26_drive_0002": "1 2 | 0"})
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=2)
    scans = raw / kitti_tree.drive_name(2) / "velodyne_points/data"
    for frame in (1, 2):
        (scans / f"{frame:010d}.bin").write_bytes((scans / f"{0:010d}.bin").read_bytes())
    return raw


def test_a_complete_set_is_evaluated(three_frames):
    for protocol, numbers in (("eigen_original", [0, 1, 2]), ("eigen_improved", [1, 2])):
        frames = eigen.find_frames(three_frames, protocol)
        assert [frame.number for frame in frames] == numbers
        assert {frame.source for frame in frames} == {eigen.PROTOCOLS[protocol]["ground_truth"]}
        assert all(isinstance(frame, ground_truth.Frame) for frame in frames)


@pytest.mark.parametrize(
    "gone, protocol",
    [
        ("image_02/data/0000000001.png", "eigen_original"),
        ("velodyne_points/data/0000000002.bin", "eigen_original"),
        ("proj_depth/groundtruth/image_02/0000000001.png", "eigen_improved"),
    ],
)
def test_an_incomplete_set_is_refused_by_the_name_of_the_file(three_frames, gone, protocol):
    path = three_frames / kitti_tree.drive_name(2) / gone
    path.unlink()
    with pytest.raises(ValueError, match=f"--protocol={protocol}: .* images are complete") as error:
        eigen.find_frames(three_frames, protocol)
    assert str(path) in str(error.value) and "more" not in str(error.value)


def test_missing_drives_are_named_once(raw):
    with pytest.raises(ValueError) as error:
        eigen.find_frames(raw, "eigen_original")
    text = str(error.value)
    assert "0 of its 697 images are complete" in text and "more" in text
    assert text.count(f"drive {raw / name(TEST[1])};") == 1


def test_command_refuses_an_incomplete_set(raw, tmp_path):
    needed = ["--workdir", tmp_path, "--gt_dir", raw, "--out", tmp_path / "a.json"]
    done = commands.run("aquanet_tf.evaluate", *needed, "--protocol", "eigen_improved")
    commands.assert_user_error(done, "--protocol=eigen_improved", "0 of its 652", "missing", raw)


def test_command_writes_lists(tmp_path):
    done = commands.run("data_prep.eigen_lists", "--out", tmp_path / "lists")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "lists" / "test_files.txt").read_text().splitlines()
    assert len(lines) == 697 and lines[1] == "2011_09_26/2011_09_26_drive_0002_sync 0000000003 l"


@pytest.mark.skipif("AQUANET_REAL_DATA" not in os.environ, reason="AQUANET_REAL_DATA is not set")
def test_real_drives_may_be_trained_on():
    raw = pathlib.Path(os.environ["AQUANET_REAL_DATA"]) / "kitti_raw"
    names = [drive.name for drive in kitti_layout.list_drives(raw)]
    assert {entry.drive for entry in eigen_split.training_entries("eigen", names)} == set(names)
