"""Distances of KITTI's and Cityscapes' triplets; data sets of earlier versions stay as they are."""

import json

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.data import manifest, records
from data_prep.dataset.checks import report
from data_prep.layouts import cityscapes, cityscapes_files, kitti
from tests.data_prep import test_cityscapes as cityscapes_tree
from tests.support import kitti_tree

STEPS = [0.5, 0.6, 0.8, 1.0, 1.2]


@pytest.fixture
def raw(tmp_path):
    """Two drives: the first with oxts, the second without."""
    raw = kitti_tree.write(tmp_path / "raw")
    kitti_tree.write_oxts(raw / kitti_tree.drive_name(1), STEPS)
    return raw


def prepare(raw, out, **options):
    return kitti.prepare(kitti.Options(str(raw), str(out), image_format="png", **options))


def distances(out):
    files = [str(out / shard["name"]) for shard in manifest.verify(out)["shards"]]
    parsed = [records.parse(data) for data in tf.data.TFRecordDataset(files)]
    return {f["key"].numpy().decode()[-32:]: f["distances"].numpy() for f in parsed}


def test_a_distance_is_that_of_the_frames_that_are_used(raw, tmp_path):
    info = prepare(raw, tmp_path / "out", stride=2, distances=True)
    assert (info["count"], info["distances"], info["schema_version"]) == (4, 2, 2)
    found = distances(tmp_path / "out")
    name = "_drive_{:04d}_sync/image_02/{:010d}"
    for frame in (2, 3):
        expected = sum(STEPS[frame - 2 : frame]), sum(STEPS[frame : frame + 2])
        key = name.format(1, frame)[-32:]
        np.testing.assert_allclose(found[key], expected, rtol=1e-5)
        np.testing.assert_array_equal(found[name.format(2, frame)[-32:]], records.UNKNOWN)
    text = report.statistics(report.check(tmp_path / "out"))
    assert "distance       1.1..2.2 m between neighbors, median 1.60; 2 records have one" in text


def test_without_distances_the_bytes_are_those_of_earlier_versions(raw, tmp_path):
    """So that such a data set can be resumed and repaired."""
    plain = prepare(raw, tmp_path / "plain")
    assert "distances" not in plain["arguments"] and "distances" not in plain
    (raw / kitti_tree.drive_name(1) / "oxts").rename(tmp_path / "oxts")
    asked = prepare(raw, tmp_path / "asked", distances=True)
    plain_shards, asked_shards = ([s["sha256"] for s in i["shards"]] for i in (plain, asked))
    assert plain_shards == asked_shards
    assert asked["schema_version"] == 1 and "distances" not in asked["arguments"]


def test_cityscapes_tells_them_in_vehicle_files(tmp_path):
    root = cityscapes_tree.write(tmp_path / "cs", range(8), [4])
    vehicles = root / cityscapes_files.VEHICLES / "train/aachen"
    vehicles.mkdir(parents=True)
    for frame in range(7):  # the last frame has none
        text = json.dumps({"speed": 17.0}) if frame != 1 else "{}"
        (vehicles / f"aachen_000000_{frame:06d}_vehicle.json").write_text(text)
    options = {"border": cityscapes_tree.WHOLE, "static_filter": False, "distances": True}
    out = tmp_path / "out"
    info = cityscapes.prepare(cityscapes.Options(str(root), str(out), **options))
    found = {int(key[-10:]): tuple(pair) for key, pair in distances(out).items()}
    assert info["distances"] == info["count"] == 4
    np.testing.assert_allclose(found[4], (2, 2), rtol=1e-6)
    np.testing.assert_allclose(found[3], (records.UNKNOWN, 2), rtol=1e-6)
    np.testing.assert_allclose(found[5], (2, records.UNKNOWN), rtol=1e-6)
    assert found[2] == (records.UNKNOWN, 2.0)
    stamps = root / cityscapes_files.STAMPS / "train/aachen"
    stamps.mkdir(parents=True)
    for frame in range(8):
        text = str(10**18 + frame * 10**8)
        (stamps / f"aachen_000000_{frame:06d}_timestamp.txt").write_text(text)
    (sequence,) = cityscapes_files.list_sequences(root, ("train",))
    np.testing.assert_allclose(sequence.steps(2)[4], 1.7, rtol=1e-5)
