"""A tiny run with the speed loss: its record, its resumption, what later commands know of it."""

import dataclasses

import pytest

from aquanet_tf import files
from aquanet_tf.runs import history
from aquanet_tf.runs.run import load_run
from aquanet_tf.training import trainer
from tests.data.test_meters import metric_dir  # noqa: F401
from tests.training.test_trainer import options

SHORT = {"pose_frozen_epochs": 0, "panels_every": 0, "steps_per_epoch": 1, "milestones": ""}


@pytest.mark.slow
def test_a_run_in_meters_resumes_and_says_so(metric_dir, tmp_path):  # noqa: F811
    config = options(metric_dir, speed_weight=0.5, epochs=1, **SHORT)
    assert trainer.train(config, tmp_path / "run") == 1
    with pytest.raises(ValueError, match="began with --speed_weight=0.5; choose another"):
        other = dataclasses.replace(config, epochs=2, speed_weight=0.1)
        trainer.train(other, tmp_path / "run")
    assert trainer.train(dataclasses.replace(config, epochs=2), tmp_path / "run") == 2
    rows = history.read_history(tmp_path / "run" / "history.csv")
    assert [row["phase"] for row in rows] == ["kickstart", "stage1"]
    assert all(float(row["speed"]) > 0 for row in rows)
    data = files.read(tmp_path / "run" / "run.json")["data"]
    assert data["metres_per_unit"] == 1.0 and data["sets"][0]["distances"] == 4
    run = load_run(tmp_path / "run")
    assert run.metres_per_unit(24) == 1.0 and run.metres_per_unit(48) is None


def test_data_without_distances_are_refused_before_the_workdir_is_made(data_dir, tmp_path):
    with pytest.raises(ValueError, match="no record of --data_dir=.* has a distance"):
        trainer.train(options(data_dir, speed_weight=0.5, **SHORT), tmp_path / "run")
    assert not (tmp_path / "run").exists()
