"""Distances from records to batches, and what training says of data without them."""

import dataclasses

import numpy as np
import pytest
from absl import logging

from aquanet_tf.config.options import Config
from aquanet_tf.data import manifest, meters
from data_prep.layouts import kitti
from tests.data.test_pipeline import batches
from tests.support import kitti_tree

# Meters from frame i to i + 1 of the drive: every pair of neighbors is told apart.
STEPS = [0.5, 0.7, 1.1, 1.3, 1.7]


@pytest.fixture(scope="module")
def metric_dir(tmp_path_factory):
    """Four triplets of one drive with distances, in records of schema version 2."""
    folder = tmp_path_factory.mktemp("metric")
    raw = kitti_tree.write(folder / "raw", [kitti_tree.Spec()])
    kitti_tree.write_oxts(raw / kitti_tree.drive_name(1), STEPS)
    options = kitti.Options(str(raw), str(folder / "out"), image_format="png", distances=True)
    assert kitti.prepare(options)["distances"] == 4
    return folder / "out"


def options(*directories, **changes):
    small = dict(batch_size=4, crop_height=16, crop_width=48, pose_input_height=16)
    names = ",".join(map(str, directories))
    return Config(data_dir=names, pose_input_width=40, **{**small, **changes})


def neighbors(batch):
    """Key -> (meters to the first reference, to the second) of a batch."""
    return dict(zip(batch["key"].numpy(), batch["distances"].numpy()))


def truth(key):
    frame = int(key[-10:])
    return STEPS[frame - 1], STEPS[frame]


def test_time_reversal_swaps_them_and_nothing_else_changes_them(metric_dir):
    """Resize, crop and flip are on in all of these batches."""
    config = options(metric_dir, time_reversal=False)
    for key, found in neighbors(batches(config)[0]).items():
        np.testing.assert_allclose(found, truth(key), rtol=1e-5)
    swapped = 0
    for batch in batches(dataclasses.replace(config, time_reversal=True), 0, 3):
        for key, found in neighbors(batch).items():
            forward = np.isclose(found, truth(key), rtol=1e-5).all()
            assert forward or np.isclose(found, truth(key)[::-1], rtol=1e-5).all()
            swapped += not forward
    assert 0 < swapped < 12


def test_records_of_both_versions_mix(metric_dir, data_dir):
    config = options(metric_dir, data_dir, batch_size=6, time_reversal=False)
    found = [pair for batch in batches(config) for pair in batch["distances"].numpy()]
    assert sum(min(pair) > 0 for pair in found) == 4
    assert sum(tuple(pair) == (-1, -1) for pair in found) == 14


def said(config, monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda form, *values: lines.append(form % values))
    meters.check(config)
    return lines


FITTING = {"inverse_depth_min": 0.006, "inverse_depth_max": 0.8, "kickstart_ramp": 0.2}


def test_training_needs_distances_in_some_data_set(metric_dir, data_dir, monkeypatch):
    with pytest.raises(ValueError, match="--speed_weight=0.5: no record of --data_dir=.*prepare"):
        meters.check(options(data_dir, speed_weight=0.5))
    assert said(options(metric_dir, speed_weight=0.5, **FITTING), monkeypatch) == []
    mixed = options(metric_dir, data_dir, speed_weight=0.5, **FITTING)
    (line,) = said(mixed, monkeypatch)
    assert f"0 of 14 triplets of {data_dir} have a distance" in line


def test_a_range_that_does_not_fit_a_road_gives_a_warning():
    assert meters.warnings(Config(**FITTING)) == []
    (near,) = meters.warnings(Config(inverse_depth_min=0.006, inverse_depth_max=1 / 3))
    assert "nearer than 4.5 m" in near and "--inverse_depth_max to 1 or so" in near
    (far,) = meters.warnings(Config(**{**FITTING, "inverse_depth_min": 0.02}))
    assert "farther than 25 m" in far
    whole = {**FITTING, "inverse_depth_max": 0.3, "kickstart_ramp": 0.6}
    assert meters.warnings(Config(**whole, depth_scaling="none")) == []
    (row,) = meters.warnings(Config(**{**FITTING, "kickstart_ramp": 1.0}))
    assert "last row is 1.25 m away" in row


def test_a_manifest_with_a_wrong_count_is_damaged(metric_dir, tmp_path):
    info = manifest.read(metric_dir)
    manifest.write(tmp_path, {**info, "distances": "all"})
    with pytest.raises(ValueError, match="damaged manifest, distances is 'all'"):
        manifest.read(tmp_path)
