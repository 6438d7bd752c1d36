"""aquanet_tf.scale --data_dir: the scale from the distances in records."""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.data import pipeline, traveled
from aquanet_tf.inference import checkpoint
from aquanet_tf.metric import summary
from aquanet_tf.networks import build
from aquanet_tf.runs import load_run
from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.runs.layout import CONFIG_FILE
from data_prep.layouts import kitti
from tests.commands.test_scale import run
from tests.support import kitti_tree, runs

STEPS = np.array([0.5, 0.7, 1.1, 1.3, 1.7, 1.2, 0.9])
PARTS = ("aquanet", "posenet")


def prepare(folder, steps):
    """Records of a drive of 8 frames, one image later every frame: 6 triplets."""
    frames = tuple(range(len(STEPS) + 1))
    raw = kitti_tree.write(folder / "raw", [kitti_tree.Spec(frames=frames)])
    if steps is not None:
        kitti_tree.write_oxts(raw / kitti_tree.drive_name(1), steps)
    known = steps is not None
    options = kitti.Options(
        str(raw), str(folder / "out"), image_format="png", distances=known, static_filter=False
    )
    assert kitti.prepare(options).get("distances", 0) == (6 if known else 0)
    return folder / "out"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distances")
    drives = {"once": STEPS, "twice": 2 * STEPS, "none": None}
    return {name: prepare(folder / name, steps) for name, steps in drives.items()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run with averages, whose PoseNet is another one than the trained one."""
    size = {"pose_input_height": 16, "pose_input_width": 48}
    folder = tmp_path_factory.mktemp("run") / "run"
    workdir = runs.write(folder, 24, 80, ema=0.5, kickstart_epochs=2, **size)
    networks = [build.build_networks(load_run(workdir).config) for _ in range(2)]
    named = {}
    for suffix, pair in zip(("", "_average"), networks):
        named.update({part + suffix: network for part, network in zip(PARTS, pair)})
    Checkpoints(workdir, named, {}).save(3)
    return workdir


@pytest.fixture
def workdir(written, tmp_path):
    return shutil.copytree(written, tmp_path / "run")


@pytest.fixture
def lenient(monkeypatch):
    """Random weights see a motion that has little to do with the distances."""
    monkeypatch.setattr(summary, "LARGEST_SPREAD", 100.0)


def scale_of(monkeypatch, workdir, records, **given):
    run(monkeypatch, workdir=str(workdir), data_dir=str(records), **given)
    return files.read(workdir / "scale.json")


def test_meters_over_the_ego_motion_that_training_computes(workdir, data, monkeypatch, lenient):
    document = scale_of(monkeypatch, workdir, data["once"])
    loaded = load_run(workdir)
    config = dataclasses.replace(loaded.config, batch_size=6, crop_height=16, crop_width=48)
    (batch,) = pipeline.validation_dataset(config, str(data["once"]))
    posenet = loaded.posenet
    moved = posenet.motion(posenet(batch["target_low"], batch["references_low"]))[1]
    lengths = tf.reduce_sum(tf.norm(moved, axis=-1), axis=1)
    ratios = tf.reduce_sum(batch["distances"], axis=1) / lengths
    assert document["metres_per_unit"] == pytest.approx(np.median(ratios), rel=1e-3)
    assert (document["epoch"], document["working_height"], document["used"]) == (3, 24, 6)
    assert document["method"] == "distances traveled"
    assert document["inputs"] == {"data_dir": str(data["once"])}
    # At another working height a unit of depth is as much larger as inverse depth is there.
    other = scale_of(monkeypatch, workdir, data["once"], height=48)
    here, there = (checkpoint.Predictor(loaded, height) for height in (48, 24))
    targets = [
        each.images[1] for each in traveled.spread(traveled.open_sets(str(data["once"])), 100)
    ]
    growth = [np.median(here(each).inverse_depth / there(each).inverse_depth) for each in targets]
    assert other["metres_per_unit"] == pytest.approx(np.median(ratios * growth), rel=1e-3)
    assert other["working_height"] == 48


def test_twice_the_distances_are_twice_the_scale(workdir, data, monkeypatch, lenient):
    once, twice = (scale_of(monkeypatch, workdir, data[name]) for name in ("once", "twice"))
    assert twice["metres_per_unit"] == pytest.approx(2 * once["metres_per_unit"], rel=1e-4)
    assert twice["spread"] == pytest.approx(once["spread"], rel=1e-3)


def refused(monkeypatch, workdir, records, words, **given):
    with pytest.raises(ValueError, match=words):
        run(monkeypatch, workdir=str(workdir), data_dir=str(records), **given)
    assert not (workdir / "scale.json").exists()


def test_refusals(workdir, data, monkeypatch):
    words = "no record of .*none.* has a distance.*oxts .*--speed_kmh or --speed_csv"
    refused(monkeypatch, workdir, data["none"], words)
    refused(monkeypatch, workdir, data["once"], "2 epochs .*kick-start", checkpoint="2")
    # Every second triplet: at most 5.
    words = "was found in 3 of 3 frames"
    refused(monkeypatch, workdir, data["once"], words, max_frames=5)
    monkeypatch.setattr(summary, "LARGEST_SPREAD", 0.0)
    refused(monkeypatch, workdir, data["once"], "in 6 frames disagrees")


def test_a_release_without_posenet_says_what_to_do(workdir, data, monkeypatch):
    shutil.rmtree(workdir / "checkpoints")
    networks = build.build_networks(Config.load(workdir / CONFIG_FILE))
    Checkpoints(workdir, {"aquanet_average": networks[0]}, {}).save(3)
    refused(monkeypatch, workdir, data["once"], "ego-motion network.*--with_posenet")
