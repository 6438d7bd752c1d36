"""What a run says about itself before its first step."""

import dataclasses
import shutil

import pytest

from aquanet_tf import files
from aquanet_tf.config import Config, retired
from aquanet_tf.data import pipeline
from aquanet_tf.training import workdir as training_workdir
from tests.support.commands import ROOT
from tests.training.test_trainer import options


@pytest.mark.parametrize("size", [(16, 48), (17, 53), (24, 80)])
@pytest.mark.parametrize("scaling", ["proportional", "none"])
def test_the_data_are_described_as_the_batches_are(pair_of_sets, tmp_path, size, scaling):
    height, width = size
    config = options(
        ",".join(map(str, pair_of_sets)),
        crop_height=height,
        crop_width=width,
        depth_scaling=scaling,
    )
    training_workdir.prepare(config, tmp_path / "run")
    data = files.read(tmp_path / "run" / "run.json")["data"]
    k = next(iter(pipeline.validation_dataset(config, str(pair_of_sets[0]))))["intrinsics"][
        0
    ].numpy()
    assert data["focal"] == [float(k[0, 0] / width), float(k[1, 1] / height)]
    found = data["image_height"], data["image_width"]
    assert found == ((24, 80) if scaling == "proportional" else size)
    assert data["triplets"] == 18 and [each["count"] for each in data["sets"]] == [14, 4]


def test_the_height_of_use_is_recorded_where_it_is_asked_for(data_dir, tmp_path):
    """Also of a run that is finished; without the flag the record is as it always was."""
    config = options(data_dir)
    training_workdir.prepare(config, tmp_path)
    before = files.read(tmp_path / "run.json")["data"]
    assert "working_height" not in before
    training_workdir.prepare(dataclasses.replace(config, working_height=20), tmp_path)
    assert files.read(tmp_path / "run.json")["data"] == {**before, "working_height": 20}


def test_only_some_options_may_change_when_a_run_is_resumed(data_dir, tmp_path):
    config = options(data_dir)
    training_workdir.prepare(config, tmp_path)
    changed = dataclasses.replace(config, clip_norm=2.0, collapse="off")
    training_workdir.prepare(changed, tmp_path)
    assert Config.load(tmp_path / "config.json") == changed
    with pytest.raises(ValueError, match="began with --levels=.*choose another --workdir"):
        training_workdir.prepare(dataclasses.replace(changed, levels=9), tmp_path)
    assert Config.load(tmp_path / "config.json") == changed


@pytest.mark.parametrize("name", ["flags.txt", "run.json", "history.csv", "checkpoints"])
def test_files_that_are_not_of_a_run_stay(name, data_dir, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match=f"holds {name} but no config.json"):
        training_workdir.prepare(options(data_dir), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_log_may_be_there_before_the_run(data_dir, tmp_path):
    (tmp_path / "train.log").write_text("the shell made it")
    training_workdir.prepare(options(data_dir), tmp_path)
    assert (tmp_path / "run.json").is_file()
    assert (tmp_path / "train.log").read_text() == "the shell made it"


def test_a_run_that_has_begun_keeps_its_records(pair_of_sets, tmp_path, monkeypatch):
    one, two = pair_of_sets
    training_workdir.prepare(options(one), tmp_path)
    before = files.read(tmp_path / "run.json")
    moved = shutil.copytree(one, tmp_path / "moved")
    monkeypatch.setattr(training_workdir.checkpoint, "begun", lambda workdir: True)
    for other in (two, f"{one},{two}"):
        with pytest.raises(ValueError, match="--data_dir: the run in .* has learned from 14 trip"):
            training_workdir.prepare(options(other), tmp_path)
    assert files.read(tmp_path / "run.json") == before
    training_workdir.prepare(options(moved), tmp_path)
    assert files.read(tmp_path / "run.json")["data"]["triplets"] == 14
    monkeypatch.setattr(training_workdir.checkpoint, "begun", lambda workdir: False)
    training_workdir.prepare(options(two), tmp_path)


def test_a_run_of_an_earlier_version_can_be_resumed(data_dir, tmp_path):
    config = options(data_dir)
    files.write(tmp_path / "config.json", {**dataclasses.asdict(config), **retired.KEPT})
    training_workdir.prepare(config, tmp_path)
    assert files.read(tmp_path / "config.json") == dataclasses.asdict(config)


def test_a_released_run_is_refused(tmp_path):
    street = ROOT / "pretrained" / "street"
    before = sorted(path.name for path in street.iterdir())
    with pytest.raises(ValueError, match="a released run.*choose another --workdir"):
        training_workdir.prepare(Config(), street)
    assert sorted(path.name for path in street.iterdir()) == before
