"""Averaged weights: their arithmetic, resume, replicas, what a loaded run has."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.networks import build
from aquanet_tf.runs import history, load_run
from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.training import averages, teachers, trainer
from aquanet_tf.training.stages import kick_start, stage_one
from tests.support.commands import run
from tests.support.eager import eager
from tests.training.stages.test_stage import batch, make, snapshot
from tests.training.test_trainer import TINY, WARP, as_flags, options, train_until

EMA = {"ema": 0.6, "panels_every": 0, "deterministic": True, "steps_per_epoch": 3}


def averaging(stage, **changes):
    """A stage of the tests with averages, and the averages."""
    built = make(stage, ema=0.6, **changes)
    built.averages = averages.Averages(built.config)
    built.averages.start(built.aquanet, built.posenet)
    return built, built.averages


def expected(before, after):
    """The average of weights that two steps have made from `before`, with --ema=0.6."""
    value = before
    for n, weights in enumerate(after, start=1):
        decay = min(0.6, (1 + n) / (10 + n))
        value = [v + (1 - decay) * (w - v) for v, w in zip(value, weights)]
    return value


@pytest.mark.parametrize("half", ["off", "bfloat16"])
def test_averages_follow_every_step(half):
    stage, found = averaging(stage_one.StageOne, mixed_precision=half, warp_impl=WARP)
    for name in ("aquanet", "posenet"):
        np.testing.assert_array_equal(
            np.concatenate([w.ravel() for w in snapshot(getattr(found, name))]),
            np.concatenate([w.ravel() for w in snapshot(getattr(stage, name))]),
        )
    start = {name: snapshot(getattr(stage, name)) for name in ("aquanet", "posenet")}
    steps = {name: [] for name in start}
    # Once as `fit` calls it, in a graph.
    step = tf.function(stage.train_step) if half == "off" else stage.train_step
    for _ in range(2):
        step(batch())
        for name, kept in steps.items():
            kept.append(snapshot(getattr(stage, name)))
    for name in start:
        mine = snapshot(getattr(found, name))
        for a, b in zip(mine, expected(start[name], steps[name])):
            np.testing.assert_allclose(a, b, atol=1e-6)
    assert [int(count.numpy()) for count in found.variables] == [2, 2]


def test_the_kick_start_leaves_depth_alone():
    """So that its average begins where its training does."""
    stage, found = averaging(kick_start.KickStart)
    before = snapshot(found.aquanet), snapshot(found.posenet)
    stage.train_step(batch())
    assert all(np.array_equal(a, b) for a, b in zip(snapshot(found.aquanet), before[0]))
    assert not all(np.array_equal(a, b) for a, b in zip(snapshot(found.posenet), before[1]))
    assert [int(count.numpy()) for count in found.variables] == [0, 1]


def test_validation_uses_the_averages():
    stage, found = averaging(stage_one.StageOne)
    for weight in found.aquanet.weights + found.posenet.weights:
        weight.assign(0.9 * weight)
    own = make(stage_one.StageOne)
    own.aquanet.set_weights(found.aquanet.get_weights())
    own.posenet.set_weights(found.posenet.get_weights())
    logs, wanted = stage.test_step(batch()), own.test_step(batch())
    np.testing.assert_array_equal(logs["loss"], wanted["loss"])
    raw = make(stage_one.StageOne).test_step(batch())
    assert float(raw["loss"]) != float(logs["loss"])


def tensors(workdir):
    """Every number of the newest checkpoint."""
    reader = tf.train.load_checkpoint(str(workdir / "checkpoints"))
    names = [name for name in reader.get_variable_to_shape_map() if "CHECKPOINTABLE" not in name]
    return {name: reader.get_tensor(name) for name in names}


@pytest.fixture(scope="module")
def finished(data_dir, tmp_path_factory):
    """A run with averages that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("averages") / "run"
    settings = options(data_dir, val_data_dir=str(data_dir), **EMA)
    with eager():
        assert trainer.train(settings, workdir) == 3
    return workdir


@pytest.mark.slow
def test_a_stopped_run_is_bit_equal(finished, data_dir, tmp_path, monkeypatch):
    """Stopped inside an epoch and in a validation; averages and their counts included."""
    workdir = tmp_path / "run"
    settings = options(data_dir, val_data_dir=str(data_dir), **EMA)
    with eager():
        train_until(monkeypatch, settings, workdir, "on_train_batch_end", 1, 2)
        train_until(monkeypatch, settings, workdir, "on_test_batch_end", 1, 3)
        train_until(monkeypatch, settings, workdir, "on_train_batch_end", 2, 1)
        assert trainer.train(settings, workdir) == 3
    mine, theirs = tensors(workdir), tensors(finished)
    assert set(mine) == set(theirs) and any("_average/" in name for name in mine)
    for name in theirs:
        if not name.startswith(("save_counter", "sums/")):
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
    rows, others = (history.read_history(place / "history.csv") for place in (workdir, finished))
    assert [row["val_loss"] for row in rows] == [row["val_loss"] for row in others]


@pytest.mark.slow
def test_training_itself_is_that_without_averages(finished, data_dir, tmp_path):
    """Their own weights are bit-equal; a run without averages holds nothing of them."""
    plain = tmp_path / "plain"
    without = options(data_dir, val_data_dir=str(data_dir), **{**EMA, "ema": 0.0})
    with eager():
        trainer.train(without, plain)
    mine, theirs = tensors(finished), tensors(plain)
    assert not [name for name in theirs if "average" in name]
    for name in theirs:
        if name.startswith(("aquanet/", "posenet/")):
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)


def test_a_loaded_run_has_the_averages(finished, data_dir, tmp_path):
    """The raw weights stay in the checkpoint; stage 2 starts from the averages, too."""
    loaded = load_run(finished)
    both = [*build.build_networks(loaded.config), *build.build_networks(loaded.config)]
    names = ("aquanet", "posenet", "aquanet_average", "posenet_average")
    kept = dict(zip(names, both))
    Checkpoints(finished, kept, {}).restore()
    for name in ("aquanet", "posenet"):
        found = snapshot(getattr(loaded, name))
        same = [np.array_equal(a, b) for a, b in zip(found, snapshot(kept[f"{name}_average"]))]
        raw = [np.array_equal(a, b) for a, b in zip(found, snapshot(kept[name]))]
        assert all(same) and not all(raw)
    settings = options(
        data_dir, stage="2", stage1_workdir=str(finished), stage2_posenet="stage1", **EMA
    )
    teachers.remember_stage_one(settings, tmp_path)
    held = teachers.Teachers(settings, tmp_path)
    aquanet, posenet = build.build_networks(settings)
    held.start(aquanet, posenet)
    for a, b in ((held.networks["frozen"], loaded.aquanet), (posenet, loaded.posenet)):
        assert all(np.array_equal(x, y) for x, y in zip(snapshot(a), snapshot(b)))


def test_averages_cannot_come_and_go(finished, data_dir):
    settings = options(data_dir, val_data_dir=str(data_dir), **{**EMA, "ema": 0.0})
    with pytest.raises(ValueError, match="began with --ema=0.6"):
        trainer.train(settings, finished)


@pytest.mark.slow
def test_two_replicas_average_like_one(data_dir, tmp_path):
    """In float16 and with two steps in a call, too. Adam amplifies rounding: compare loosely."""
    found = {}
    for replicas in (1, 2):
        workdir = tmp_path / f"run{replicas}"
        settings = {**TINY, "ema": 0.6, "data_dir": data_dir, "replicas": replicas}
        settings |= {"steps_per_execution": 2, "panels_every": 0, "workdir": workdir}
        done = run("aquanet_tf.train", *as_flags(settings))
        assert done.returncode == 0, done.stderr
        found[replicas] = load_run(workdir).aquanet.get_weights()
    for a, b in zip(found[1], found[2]):
        np.testing.assert_allclose(a, b, atol=5e-4)


@pytest.mark.slow
def test_stage_two_in_float16(finished, data_dir, tmp_path):
    """The teacher of the boosting loss is the average, as the run is used."""
    settings = options(data_dir, stage="2", stage1_workdir=str(finished), **EMA)
    settings = dataclasses.replace(settings, mixed_precision="float16", spimo_resolution=0.5)
    assert trainer.train(settings, tmp_path / "run") == 3
    mine = tensors(tmp_path / "run")
    for name in mine:
        if name.startswith("previous/"):
            average = mine[name.replace("previous/", "aquanet_average/", 1)]
            np.testing.assert_array_equal(mine[name], average, err_msg=name)
