"""Runs that start from another one and keep their best epoch, interrupted or not."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.data import pipeline
from aquanet_tf.runs import best, history, load_run
from aquanet_tf.training import signals, trainer
from aquanet_tf.training.stages.stage_one import StageOne
from tests.support import kitti_tree, runs
from tests.training.test_trainer import options, train_until, weights

CHANGES = {
    "width": 0.1,
    "pose_network_width": 0.1,
    "seed": 7,
    "panels_every": 0,
    "kickstart_epochs": 2,
    "pose_frozen_epochs": 0,
    "deterministic": True,
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A run whose networks have weights of their own (seed 1)."""
    return runs.write(tmp_path_factory.mktemp("start") / "source", height=24, width=80)


@pytest.fixture(scope="module")
def settings(source, data_dir, tmp_path_factory):
    scene = kitti_tree.write_scene(tmp_path_factory.mktemp("start") / "scene")
    measured = {"val_gt_dir": str(scene), "val_gt_frames": 2, "keep_best": "abs_rel"}
    kept = {"keep_checkpoints": 1, "init_from": str(source)}
    return options(data_dir, **{**CHANGES, **measured, **kept})


@pytest.fixture(scope="module")
def finished(settings, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("start") / "run"
    assert trainer.train(settings, workdir) == 3
    return workdir


def test_the_new_run_begins_with_the_loss_of_the_source(source, finished, settings, tmp_path):
    """On the first batch: the networks are equal, so are their losses. No kick-start is run."""
    rows = history.read_history(finished / "history.csv")
    assert [row["phase"] for row in rows] == ["stage1"] * 3
    assert load_run(finished).config.kickstart_epochs == 0
    record = json.loads((finished / "run.json").read_text())["init"]
    assert record["workdir"] == str(source.resolve()) and not record["kickstart"]
    run = load_run(source)
    for stage in ("1", "2"):
        changes = {"stage": stage, "mask": "none", "keep_best": "", "val_gt_dir": ""}
        config = options(settings.data_dir, **{**CHANGES, "init_from": str(source), **changes})
        with signals.Interruption() as interruption:
            new = trainer.Trainer(config, tmp_path / stage, interruption)
            for step in (new.choose_devices, new.prepare, new.build, new.restore):
                step()
        batch = next(iter(pipeline.training_dataset(new.config, 0, 1)))
        inputs = {name: value for name, value in batch.items() if name != "key"}
        theirs, _ = StageOne(config, run.aquanet, run.posenet).objective(inputs)
        (phase, built), *more = new.stages
        assert phase.name == f"stage{stage}" and not more
        np.testing.assert_allclose(built.objective(inputs)[0], theirs, rtol=1e-6)


def test_depth_metrics_are_in_history_and_tensorboard(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rows = history.read_history(finished / "history.csv")
    values = [float(row["val_abs_rel"]) for row in rows]
    events = EventAccumulator(str(finished / "tensorboard" / "validation"))
    events.Reload()
    written = [tf.make_ndarray(e.tensor_proto) for e in events.Tensors("epoch_abs_rel")]
    np.testing.assert_allclose(written, values, rtol=1e-5)
    kept = best.read(finished)
    assert kept == {
        "epoch": 1 + int(np.argmin(values)),
        "column": "val_abs_rel",
        "value": min(values),
    }


def test_a_stopped_run_ends_like_one_that_was_not(finished, settings, tmp_path, monkeypatch):
    """With the same best epoch, and without its source."""
    copy = shutil.copytree(settings.init_from, tmp_path / "source")
    theirs = trainer.dataclasses.replace(settings, init_from=str(copy))
    train_until(monkeypatch, theirs, tmp_path / "run", "on_train_batch_end", 1, 1)
    shutil.rmtree(copy)
    assert trainer.train(theirs, tmp_path / "run") == 3
    for a, b in zip(weights(tmp_path / "run"), weights(finished)):
        np.testing.assert_array_equal(a, b)
    assert best.read(tmp_path / "run") == best.read(finished)
    files = [(run / "history.csv").read_text() for run in (tmp_path / "run", finished)]
    assert files[0] == files[1]
    ours, other = (load_run(run, checkpoint="best") for run in (tmp_path / "run", finished))
    for a, b in zip(ours.aquanet.get_weights(), other.aquanet.get_weights()):
        np.testing.assert_array_equal(a, b)
