"""Runs that start from another one: their first loss, and their resume without the source."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.data import pipeline
from aquanet_tf.runs import load_run
from aquanet_tf.training import signals, trainer
from aquanet_tf.training.stages.stage_one import StageOne
from tests.support import runs
from tests.support.eager import eager
from tests.training.test_trainer import options


def begun(config, workdir):
    """A Trainer before its first step, its state saved."""
    with signals.Interruption() as interruption:
        new = trainer.Trainer(config, workdir, interruption)
        new.start()
    return new


@pytest.mark.parametrize("stage", ["1", "2"])
def test_a_run_begins_with_the_loss_of_its_source(stage, data_dir, tmp_path):
    """On the same batch. No kick-start is run, and a resume does not need the source.

    The anchor loss is 0 there. It goes by the source for good.
    """
    source = runs.write(tmp_path / "source", height=24, width=80)
    run = load_run(source)
    changes = {"width": 0.1, "pose_network_width": 0.1, "seed": 7, "ema": 0.9}
    changes.update(stage=stage, mask="none", kickstart_epochs=2, pose_frozen_epochs=0)
    config = options(data_dir, **changes, init_from=str(source), anchor_weight=0.5)
    new = begun(config, tmp_path / "run")
    ((phase, built),) = new.state.stages
    assert phase.name == f"stage{stage}" and phase.start == 0
    batch = next(iter(pipeline.training_dataset(new.config, 0, 1)))
    inputs = {name: value for name, value in batch.items() if name != "key"}
    plain = dataclasses.replace(config, anchor_weight=0.0)
    theirs, _ = StageOne(plain, run.aquanet, run.posenet).objective(inputs)
    for networks in (built.networks, built.used_networks):
        np.testing.assert_allclose(built.objective(inputs, networks)[0], theirs, rtol=1e-6)
    for weight in new.state.aquanet.trainable_variables[-2:]:
        weight.assign_add(tf.ones_like(weight))
    loss, values = built.objective(inputs)
    assert values["anchor"] > 0.01
    np.testing.assert_allclose(loss, _without_anchor(values) + 0.5 * values["anchor"], rtol=1e-5)
    shutil.rmtree(source)
    again = begun(config, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())["init"]
    assert again.resumed and again.config == new.config and not record["kickstart"]
    restored = {
        "aquanet": again.state.aquanet,
        "posenet": again.state.posenet,
        **again.state.teachers.networks,
    }
    sources = {"aquanet": run.aquanet, "posenet": run.posenet, "first": run.aquanet}
    for name, network in sources.items():
        pairs = zip(restored[name].get_weights(), network.get_weights())
        assert all(np.array_equal(a, b) for a, b in pairs), name


def _without_anchor(values):
    return values["photometric"] + 0.1 * values["smoothness"]


def test_what_does_not_fit_leaves_no_workdir(data_dir, tmp_path):
    """So that the corrected command may use the same one."""
    source = runs.write(tmp_path / "source", height=24, width=80)
    with pytest.raises(ValueError, match="--init_from=.* weights do not fit"):
        begun(options(data_dir, init_from=str(source)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_start_is_validated(data_dir, tmp_path):
    """By the weights of the source."""
    source = runs.write(tmp_path / "source", height=24, width=80)
    changes = {"width": 0.1, "pose_network_width": 0.1, "val_data_dir": str(data_dir)}
    config = options(data_dir, **changes, kickstart_epochs=0, init_from=str(source))
    config = dataclasses.replace(config, milestones="", epochs=1)
    kicked = {"kickstart_epochs": 1, "init_kickstart": True, "epochs": 2}
    with eager():
        trainer.train(config, tmp_path / "run")
        new = begun(dataclasses.replace(config, seed=3), tmp_path / "other")
        ((_, stage),) = new.state.stages
        expected = stage.evaluate(**_evaluated(new), return_dict=True, verbose=0)
        trainer.train(dataclasses.replace(config, **kicked), tmp_path / "kicked")
    found = json.loads((tmp_path / "run" / "start.json").read_text())
    np.testing.assert_allclose(found["val_photometric"], expected["photometric"], rtol=1e-5)
    assert json.loads((tmp_path / "kicked" / "start.json").read_text()) == found


def _evaluated(new):
    validation = new.feed.validation()
    return {"x": validation["validation_data"], "steps": validation["validation_steps"]}
