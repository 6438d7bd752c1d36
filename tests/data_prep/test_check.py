"""Every damage of a data set is found and named, and repaired to the same bytes."""

import json
import os
import shutil

import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.data import manifest
from data_prep import check
from data_prep.dataset import origins
from data_prep.dataset.checks import repair as dataset_repair
from data_prep.dataset.checks import report as dataset_report
from data_prep.layouts import kitti, source_check
from tests.support import commands, kitti_tree

FEW = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def copy(data_dir, tmp_path):
    """A data set that a test may spoil; its sources are still there."""
    return shutil.copytree(data_dir, tmp_path / "records")


def shard_files(folder):
    return sorted(folder.glob("*.tfrecord"))


def contents(folder):
    return {path.name: path.read_bytes() for path in [*shard_files(folder), folder / manifest.NAME]}


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= 0x10
    path.write_bytes(data)


def rewrite(path, change):
    """Writes a shard's records again, `change`d, with right checksums."""
    data = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number, record in enumerate(data):
            writer.write(change(number, record))


def agree(folder):
    """Makes the manifest agree with the shards, as if they had been written so."""
    info = json.loads((folder / manifest.NAME).read_text())
    for entry in info["shards"]:
        path = folder / entry["name"]
        entry.update(bytes=path.stat().st_size, sha256=manifest.sha256(path))
    (folder / manifest.NAME).write_text(json.dumps(info))


def repair(folder, bad):
    dataset_repair.repair(folder, bad, check.REPAIRABLE)


def test_a_sound_data_set(data_dir, tmp_path):
    report = dataset_report.check(data_dir, threads=3)
    assert report.faults == [] and len(report.findings) == 14
    text = dataset_report.statistics(report)
    assert "14 sound, of 3 recordings" in text and "24x80 (14)" in text
    assert all(f.frames is None for f in report.findings)
    assert len(report.rows) == 8 and all(len(row) == 3 for row in report.rows)
    dataset_report.draw_sheet(report, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 3 * 80 and sheet.height > 8 * 24
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


@FEW
@given(st.integers(0, 2), st.integers(0, 10**6), st.booleans())
def test_every_flip_and_cut_is_found_and_repaired(data_dir, tmp_path, shard, position, cut):
    folder = tmp_path / "spoiled"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(data_dir, folder)
    path = shard_files(folder)[shard]
    if cut:
        path.write_bytes(path.read_bytes()[: position % path.stat().st_size])
    else:
        flip(path, position)
    times = {p: p.stat().st_mtime_ns for p in shard_files(folder) if p != path}
    faults = dataset_report.check(folder).faults
    assert {fault.shard for fault in faults} == {path.name}
    assert cut or any(fault.record is not None for fault in faults)
    repair(folder, {path.name})
    assert contents(folder) == contents(data_dir)
    assert all(p.stat().st_mtime_ns == before for p, before in times.items())


def test_a_missing_shard_is_found_and_repaired(copy, data_dir):
    path = shard_files(copy)[1]
    path.unlink()
    (fault,) = dataset_report.check(copy).faults
    assert str(fault) == f"{path.name}: missing shard"
    repair(copy, {path.name})
    assert contents(copy) == contents(data_dir)


def test_faults_of_content_name_shard_record_and_key(copy):
    """What checksums cannot know: a record that was written wrong."""

    def change(number, record):
        example = tf.train.Example.FromString(record)
        values = example.features.feature
        if number == 2:
            values["target"].bytes_list.value[0] = b"no picture"
        if number == 3:
            values["intrinsics"].float_list.value[2] = 500.0
        return example.SerializeToString(deterministic=True)

    path = shard_files(copy)[0]
    rewrite(path, change)
    agree(copy)
    faults = [str(fault) for fault in dataset_report.check(copy).faults]
    assert len(faults) == 2
    assert faults[0].startswith(f"{path.name} record 2 ({kitti_tree.DATE}/") and (
        "target frame cannot be decoded" in faults[0]
    )
    assert f"{path.name} record 3 " in faults[1] and "principal point" in faults[1]
    with pytest.raises(ValueError, match=f"{path.name}: has faults but is exactly as it was"):
        repair(copy, {path.name})


def test_a_triplet_that_is_there_twice(copy):
    first, second = shard_files(copy)[:2]
    other = next(iter(tf.data.TFRecordDataset(str(first)))).numpy()
    rewrite(second, lambda number, record: other if number == 1 else record)
    agree(copy)
    (fault,) = dataset_report.check(copy).faults
    assert fault.shard == second.name and fault.record == 1
    assert f"the same triplet as {first.name} record 0" in fault.problem


def test_records_too_many_or_too_few(copy):
    info = json.loads((copy / manifest.NAME).read_text())
    info["shards"][0]["count"] += 1
    (copy / manifest.NAME).write_text(json.dumps(info))
    faults = [str(fault) for fault in dataset_report.check(copy).faults]
    assert "manifest.json: 14 triplets, but its shards have 15" in faults
    assert any("5 records, the manifest says 6" in fault for fault in faults)


@pytest.fixture
def own(tmp_path):
    """A raw directory and its data set, both of which a test may spoil."""
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(6))])
    kitti.prepare(kitti.Options(str(raw), str(tmp_path / "out"), shard_size=2))
    return raw, tmp_path / "out"


def test_repair_without_sources_or_with_others(own):
    raw, out = own
    path = shard_files(out)[0]
    flip(path, 1000)
    moved = raw.rename(raw.with_name("moved"))
    with pytest.raises(ValueError, match=f"{raw}: no such directory"):
        repair(out, {path.name})
    moved.rename(raw)
    replace(raw)
    with pytest.raises(ValueError, match="0000000000.png: replaced, .*restore it, or choose"):
        repair(out, {path.name})
    (out / origins.NAME).unlink()  # as of a data set that was made before there were records
    with pytest.raises(ValueError, match=f"{path.name}: written again, but with other bytes"):
        repair(out, {path.name})
    assert {fault.shard for fault in dataset_report.check(out).faults} == set()


def changed_sources(out):
    found = source_check.changes(out, check.REPAIRABLE)
    return [] if found is None else found.changed


def replace(raw):
    """Replaces all images of a raw directory."""
    for file in raw.rglob("*.png"):
        Image.new("RGB", kitti_tree.SHAPE[::-1], (len(file.stem), 9, int(file.stem) * 20)).save(
            file
        )


def test_changed_sources_are_faults_while_they_are_there(own, capsys):
    raw, out = own
    before = contents(out)
    calibration = raw / kitti_tree.DATE / "calib_cam_to_cam.txt"
    pictures = sorted(raw.rglob("*.png"))
    text, first, last = calibration.read_text(), pictures[0].read_bytes(), pictures[-1].read_bytes()

    def changed():
        return changed_sources(out)

    os.utime(pictures[0])
    calibration.write_text("calib_time: later\n" + text)
    source_check.verify(out, check.REPAIRABLE)
    assert changed() == [] and "as recorded" in capsys.readouterr().out
    calibration.write_text(text.replace("4.150000e+01", "4.250000e+01"))
    pictures[0].write_bytes(first[:-1] + bytes([first[-1] ^ 1]))
    pictures[-1].write_bytes(last + b" ")
    camera, one, two = changed()
    assert camera.startswith(f"{kitti_tree.DATE}/calib_cam_to_cam.txt camera 2: K was 41.5 ")
    assert "is 42.5 " in camera
    assert one.startswith(kitti_tree.drive_name(1)) and "another content of the same size" in one
    assert f"replaced, {len(last)} bytes then, {len(last) + 1} now" in two
    done = commands.run("data_prep.check", "--data_dir", out, "--contact_sheet=none")
    commands.assert_user_error(done, out, "sources have changed", "prepare it again")
    calibration.write_text("damaged")
    assert any("calib_cam_to_cam.txt: no line S_rect_02" in text for text in changed())
    for path in (calibration, pictures[0]):
        path.unlink()
    pictures[-1].write_bytes(last)
    assert changed() == []
    shutil.rmtree(raw)
    assert changed() == [] and contents(out) == before


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"cameras": {"x": 1}, "files": {}}', '{"cameras": {}, "files": {"a": 2}}'],
)
def test_a_damaged_record_of_sources_is_named(own, text):
    path = own[1] / origins.NAME
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path}: ") as error:
        changed_sources(own[1])
    assert "\n" not in str(error.value)


def test_a_replaced_video_is_a_fault(own, tmp_path):
    """As data_prep.video leaves it: its report beside the raw frames."""
    video = tmp_path / "trip.mp4"
    video.write_bytes(b"a video")
    stat = video.stat()
    digest = origins.digest([[video.name, stat.st_size, stat.st_mtime_ns]])
    report = {"arguments": {"input": [str(video), digest[:16]]}}
    (tmp_path / "video.json").write_text(json.dumps(report))
    assert changed_sources(own[1]) == []
    video.write_bytes(b"another video")
    assert changed_sources(own[1]) == [f"{video}: replaced (another size or time)"]
    video.unlink()
    assert changed_sources(own[1]) == []


def test_repair_keeps_the_split(raw_dir, tmp_path):
    split, out = tmp_path / "split.txt", tmp_path / "out"
    split.write_text(f"{kitti_tree.drive_name(2)}\n")
    options = kitti.Options(str(raw_dir), str(out), split=str(split), camera=(2, 3))
    assert kitti.prepare(options)["count"] == 8
    before = contents(out)
    flip(shard_files(out)[0], 500)
    repair(out, {shard_files(out)[0].name})
    assert contents(out) == before
    flip(shard_files(out)[0], 500)
    split.write_text(f"{kitti_tree.drive_name(1)}\n")
    with pytest.raises(ValueError, match="split_content was"):
        repair(out, {shard_files(out)[0].name})


def test_repair_finds_the_split_from_another_directory(raw_dir, tmp_path, monkeypatch):
    (tmp_path / "split.txt").write_text(f"{kitti_tree.drive_name(2)}\n")
    out = tmp_path / "out"
    monkeypatch.chdir(tmp_path)
    info = kitti.prepare(kitti.Options(str(raw_dir), str(out), split="split.txt"))
    assert info["arguments"]["split"] == str(tmp_path / "split.txt")
    before = contents(out)
    monkeypatch.chdir(out)
    flip(shard_files(out)[0], 500)
    repair(out, {shard_files(out)[0].name})
    assert contents(out) == before


def test_an_unknown_command_is_not_run(copy):
    info = json.loads((copy / manifest.NAME).read_text())
    info["arguments"]["command"] = "os"
    (copy / manifest.NAME).write_text(json.dumps(info))
    with pytest.raises(ValueError, match="written by os, which --repair does not know"):
        repair(copy, set())


def test_a_sheet_that_cannot_be_written_names_its_flag(data_dir, tmp_path):
    report = dataset_report.check(data_dir)
    (tmp_path / "file").write_text("not a directory")
    path = tmp_path / "file" / "sheet.png"
    with pytest.raises(OSError, match=f"--contact_sheet: cannot write {path}: .*choose another"):
        dataset_report.draw_sheet(report, path)


def test_command_line(copy, data_dir):
    path = shard_files(copy)[2]
    flip(path, 300)
    done = commands.run("data_prep.check", "--data_dir", copy)
    commands.assert_user_error(done, copy, "1 files", "--repair")
    assert f"fault: {path.name} record 0: content damaged (CRC)" in done.stdout
    assert (copy / dataset_report.SHEET).is_file()
    done = commands.run("data_prep.check", "--data_dir", copy, "--repair")
    assert done.returncode == 0 and f"repaired: {path.name}" in done.stdout, done.stderr
    assert contents(copy) == contents(data_dir)
