"""What a path means, and errors that name it."""

import shutil

import numpy as np
import pytest

from tests.support import runs

pytest.importorskip("tensorflow")
from aquanet_tf import files
from aquanet_tf.inference import loader
from aquanet_tf.inference.loader import open_model


def test_versions(tmp_path):
    assert loader.newest_version(tmp_path / "none") is None
    for name in ("2", "10", "11", "notes"):
        (tmp_path / name).mkdir()
    assert loader.newest_version(tmp_path) is None
    for name in ("2", "10", "notes"):
        (tmp_path / name / "saved_model.pb").write_bytes(b"")
    assert loader.newest_version(tmp_path) == tmp_path / "10"
    assert loader.newest_version(tmp_path / "2") == tmp_path / "2"


def test_a_workdir_is_a_model(tmp_path):
    network = open_model(runs.write(tmp_path / "run"), height=48)
    assert network.kind == "checkpoint" and network.height == 48
    assert network(np.zeros((20, 30, 3), np.uint8)).inverse_depth.shape == (20, 30)


def test_a_grid_shift_replaces_that_of_the_run(tmp_path):
    workdir, image = runs.write(tmp_path / "run", grid_shift=0.25), np.zeros((20, 30, 3), np.uint8)
    three, one = open_model(workdir), open_model(workdir, grid_shift=0.0)
    assert (three.grid_shift, one.grid_shift) == (0.25, 0.0)
    found = [network(image).inverse_depth for network in (three, one)]
    assert np.abs(found[0] - found[1]).max() > 1e-6
    plain = runs.write(tmp_path / "plain")
    again = open_model(plain, grid_shift=0.25)(image).inverse_depth
    np.testing.assert_array_equal(again, found[0])
    with pytest.raises(ValueError, match="--grid_shift=7"):
        open_model(plain, grid_shift=7.0)


def test_a_run_without_a_checkpoint_is_named_without_a_flag(tmp_path):
    workdir = runs.write(tmp_path / "run")
    shutil.rmtree(workdir / "checkpoints")
    with pytest.raises(ValueError, match="^/.*run: no checkpoint yet"):
        open_model(workdir)


def test_errors_name_the_path(tmp_path):
    with pytest.raises(ValueError, match="^/.*nothing: no such file or folder"):
        open_model(tmp_path / "nothing")
    (tmp_path / "7").mkdir()  # a version whose export was not finished
    with pytest.raises(ValueError, match="no model: neither a run .no config.json") as e:
        open_model(tmp_path)
    assert "workdir" not in str(e.value)
    with pytest.raises(ValueError, match="no.tflite: no such file"):
        open_model(tmp_path / "no.tflite")
    (tmp_path / "a.tflite").write_bytes(b"x")
    with pytest.raises(ValueError, match="a.tflite: a.json is missing beside it"):
        open_model(tmp_path / "a.tflite")
    with pytest.raises(ValueError, match="--height=64"):
        open_model(tmp_path / "a.tflite", height=64)
    with pytest.raises(ValueError, match="--grid_shift=0: .*a.tflite has its passes built in"):
        open_model(tmp_path / "a.tflite", grid_shift=0.0)
    with pytest.raises(ValueError, match="--checkpoint=best: .*a.tflite is an export"):
        open_model(tmp_path / "a.tflite", checkpoint="best")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(ValueError, match="metadata.json"):
        open_model(tmp_path)
    files.write(tmp_path / "1" / "metadata.json", {"working_height": 32})
    with pytest.raises(ValueError, match="metadata.json: damaged, no 'epoch'"):
        open_model(tmp_path)
    for shift in (None, "x"):
        files.write(tmp_path / "1" / "metadata.json", {"working_height": 32, "grid_shift": shift})
        with pytest.raises(ValueError, match=r"metadata.json: damaged \(.*float"):
            open_model(tmp_path)
