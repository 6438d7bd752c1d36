"""Runs of stage 2: what they start from, resume, both stages in one, what a user may get wrong."""

import dataclasses
import shutil

import numpy as np
import pytest

from aquanet_tf import files
from aquanet_tf.config.retired import KEPT
from aquanet_tf.networks import build
from aquanet_tf.runs import history, load_run
from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.training import teachers, trainer
from tests.support import runs
from tests.support.commands import run
from tests.training.test_trainer import TINY, as_flags, options

TWO = {
    "stage": "2",
    "panels_every": 0,
    "pose_frozen_epochs": 0,
    "spimo_threshold": 3e-3,
    "spimo_resolution": 0.5,
}


@pytest.fixture(scope="module")
def stage1(tmp_path_factory):
    return runs.write(tmp_path_factory.mktemp("teachers") / "stage1")


@pytest.fixture(scope="module")
def finished(data_dir, stage1, tmp_path_factory):
    """Stage 2, three epochs in one go: kick-start, one without previous epoch, one with."""
    workdir = tmp_path_factory.mktemp("teachers") / "stage2"
    settings = options(data_dir, epochs=3, stage1_workdir=str(stage1), **TWO)
    assert trainer.train(settings, workdir) == 3
    return workdir


def kept(workdir, settings):
    """The networks of a workdir's newest checkpoint, teachers included."""
    held = teachers.Teachers(settings, workdir)
    aquanet, posenet = build.build_networks(settings)
    networks = {"aquanet": aquanet, "posenet": posenet, **held.networks}
    Checkpoints(workdir, networks, {}).restore()
    return {name: network.get_weights() for name, network in networks.items()}


def same(a, b):
    for x, y in zip(a, b):
        np.testing.assert_array_equal(x, y)


def test_a_frozen_network_of_an_earlier_version_is_built(stage1, data_dir, tmp_path):
    settings = options(data_dir, stage1_workdir=str(stage1), **TWO)
    teachers.remember_stage_one(settings, tmp_path)
    document = files.read(tmp_path / "stage1.json")
    files.write(tmp_path / "stage1.json", {**document, "config": {**document["config"], **KEPT}})
    assert teachers.Teachers(settings, tmp_path).frozen.config == load_run(stage1).config


def test_what_a_run_starts_from(stage1, data_dir, tmp_path):
    settings = options(data_dir, stage1_workdir=str(stage1), **TWO)
    teachers.remember_stage_one(settings, tmp_path)
    document = files.read(tmp_path / "stage1.json")
    assert document["epoch"] == 2 and document["workdir"] == str(stage1.resolve())
    run = load_run(stage1)
    held = teachers.Teachers(settings, tmp_path)
    aquanet, posenet = build.build_networks(settings)
    before = aquanet.get_weights(), posenet.get_weights()
    held.start(aquanet, posenet)
    same(held.networks["frozen"].get_weights(), run.aquanet.get_weights())
    same(held.networks["previous"].get_weights(), before[0])
    same(aquanet.get_weights() + posenet.get_weights(), before[0] + before[1])  # from scratch
    width = run.config.pose_network_width
    settings = dataclasses.replace(settings, stage2_posenet="stage1", pose_network_width=width)
    aquanet, posenet = build.build_networks(settings)
    teachers.Teachers(settings, tmp_path).start(aquanet, posenet)
    same(posenet.get_weights(), run.posenet.get_weights())


@pytest.mark.slow
def test_history_and_what_is_kept(finished, stage1, data_dir):
    rows = history.read_history(finished / "history.csv")
    assert [row["phase"] for row in rows] == ["kickstart", "stage2", "stage2"]
    assert [float(row["boosting"] or 0) > 0 for row in rows] == [False, False, True]
    assert all(0 < float(row["static"]) < 1 for row in rows[1:])
    networks = kept(finished, options(data_dir, epochs=3, **TWO))
    same(networks["frozen"], load_run(stage1).aquanet.get_weights())
    # After an epoch the teacher is what the student has become.
    same(networks["previous"], networks["aquanet"])
    # An ordinary run for every other command.
    assert load_run(finished).epoch == 3


@pytest.mark.slow
def test_a_resumed_run_ends_like_an_uninterrupted_one_without_its_stage_one(
    finished, stage1, data_dir, tmp_path
):
    copy, workdir = tmp_path / "stage1", tmp_path / "run"
    shutil.copytree(stage1, copy)
    given = {"stage1_workdir": str(copy), **TWO}
    assert trainer.train(options(data_dir, epochs=2, **given), workdir) == 2
    shutil.rmtree(copy)
    assert trainer.train(options(data_dir, epochs=3, **given), workdir) == 3
    settings = options(data_dir, epochs=3, **given)
    resumed, expected = kept(workdir, settings), kept(finished, settings)
    assert set(resumed) == {"aquanet", "posenet", "frozen", "previous"}
    for name in resumed:
        for a, b in zip(resumed[name], expected[name]):
            np.testing.assert_allclose(a, b, atol=1e-6, err_msg=name)
    rows, others = (history.read_history(d / "history.csv") for d in (workdir, finished))
    for row, other in zip(rows, others):
        for name in ("loss", "static", "boosting"):
            a, b = (float(r[name] or 0) for r in (row, other))
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
def test_masks_made_online(finished, stage1, data_dir, tmp_path):
    assert any((finished / "masks").rglob("*.png"))
    settings = options(data_dir, epochs=2, stage1_workdir=str(stage1), mask_source="online", **TWO)
    assert trainer.train(settings, tmp_path / "run") == 2
    assert not (tmp_path / "run" / "masks").exists()
    online, cached = (
        float(history.read_history(workdir / "history.csv")[1]["static"])
        for workdir in (tmp_path / "run", finished)
    )
    assert 0 < online < 1 and 0 < cached < 1


@pytest.mark.slow
def test_a_failed_start_leaves_no_other_stage_one(stage1, data_dir, tmp_path):
    """The file of a start that got no checkpoint is that of the run that is given next."""
    settings = options(data_dir, stage1_workdir=str(stage1), **TWO)
    workdir = tmp_path / "run"
    teachers.remember_stage_one(settings, workdir)
    other = runs.write(tmp_path / "other", inverse_depth_max=0.7)
    settings = dataclasses.replace(settings, stage1_workdir=str(other))
    teachers.remember_stage_one(settings, workdir)
    assert teachers.Teachers(settings, workdir).frozen.config.inverse_depth_max == 0.7


def test_masks_come_from_a_network_that_saw_moving_objects(data_dir, tmp_path):
    two = runs.write(tmp_path / "two", stage="2")
    with pytest.raises(ValueError, match="--stage1_workdir=.*two: a run of stage 2"):
        teachers.remember_stage_one(options(data_dir, stage1_workdir=str(two), **TWO), tmp_path)
    whole = runs.write(tmp_path / "whole", depth_scaling="none")
    with pytest.warns(UserWarning, match="trained on random crops"):
        teachers.remember_stage_one(options(data_dir, stage1_workdir=str(whole), **TWO), tmp_path)


def test_two_replicas_train_like_one(finished, stage1, data_dir, tmp_path):
    """Logical CPUs must be split before TensorFlow starts, hence the process."""
    flags = {**TINY, **TWO, "epochs": 3, "data_dir": data_dir, "stage1_workdir": stage1}
    done = run("aquanet_tf.train", *as_flags({**flags, "replicas": 2, "workdir": tmp_path}))
    assert done.returncode == 0, done.stderr
    rows = (history.read_history(d / "history.csv") for d in (tmp_path, finished))
    for row, other in zip(*rows):
        for name in ("loss", "static"):
            a, b = (float(r[name] or 0) for r in (row, other))
            np.testing.assert_allclose(a, b, rtol=5e-3)


def test_both_stages_are_two_runs(data_dir, tmp_path, monkeypatch):
    begun = []

    class Fake:
        def __init__(self, config, workdir, signals):
            begun.append((config.stage, config.stage1_workdir, workdir.name))

        def run(self):
            return 2

    monkeypatch.setattr(trainer, "Trainer", Fake)
    settings = options(data_dir, **{**TWO, "epochs": 2, "stage": "both"})
    assert trainer.train(settings, tmp_path) == 2
    assert begun == [("1", "", "stage1"), ("2", str(tmp_path / "stage1"), "stage2")]


@pytest.mark.slow
def test_both_stages_in_one_run(data_dir, tmp_path):
    settings = options(data_dir, **{**TWO, "epochs": 2, "stage": "both"})
    assert trainer.train(settings, tmp_path) == 2
    assert load_run(tmp_path / "stage1").config.stage == "1"
    assert load_run(tmp_path / "stage2").config.stage == "2"
    assert trainer.train(settings, tmp_path) == 2  # nothing left to do


@pytest.mark.slow
def test_other_masks_need_no_stage_one(data_dir, tmp_path):
    settings = options(data_dir, epochs=2, **{**TWO, "mask": "automask"})
    assert trainer.train(settings, tmp_path / "run") == 2
    assert not (tmp_path / "run" / "stage1.json").exists()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({}, "--stage=2 with --mask=spimo needs --stage1_workdir"),
        ({"mask": "none", "stage2_posenet": "stage1"}, "--stage2_posenet=stage1 needs"),
        ({"stage1_workdir": "nowhere"}, "--stage1_workdir=nowhere: no such directory"),
    ],
)
def test_errors_name_the_flag(data_dir, tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        trainer.train(options(data_dir, **{**TWO, **changes}), tmp_path / "run")


def test_a_posenet_of_another_shape_is_refused(data_dir, stage1, tmp_path):
    settings = options(
        data_dir,
        **TWO,
        stage1_workdir=str(stage1),
        stage2_posenet="stage1",
        pose_network_width=0.25,
    )
    with pytest.raises(ValueError, match="needs --pose_network_width=0.1"):
        trainer.train(settings, tmp_path / "run")
