"""What a path means, and errors that name it."""

import numpy as np
import pytest
import tiny_run

pytest.importorskip("tensorflow")
from aquanet_tf import artefact, json_file  # noqa: E402


def test_versions(tmp_path):
    assert artefact.newest_version(tmp_path / "none") is None
    for name in ("2", "10", "11", "notes"):
        (tmp_path / name).mkdir()
    assert artefact.newest_version(tmp_path) is None
    for name in ("2", "10", "notes"):
        (tmp_path / name / "saved_model.pb").write_bytes(b"")
    assert artefact.newest_version(tmp_path) == tmp_path / "10"
    assert artefact.newest_version(tmp_path / "2") == tmp_path / "2"


def test_a_workdir_is_a_model(tmp_path):
    network = artefact.open_model(tiny_run.write(tmp_path / "run"), height=48)
    assert network.kind == "checkpoint" and network.height == 48
    assert network(np.zeros((20, 30, 3), np.uint8)).inverse_depth.shape == (20, 30)


def test_errors_name_the_path(tmp_path):
    with pytest.raises(ValueError, match="nothing"):
        artefact.open_model(tmp_path / "nothing")
    with pytest.raises(ValueError, match="no.tflite: no such file"):
        artefact.open_model(tmp_path / "no.tflite")
    (tmp_path / "a.tflite").write_bytes(b"x")
    with pytest.raises(ValueError, match="a.json: no such file"):
        artefact.open_model(tmp_path / "a.tflite")
    with pytest.raises(ValueError, match="--height=64"):
        artefact.open_model(tmp_path / "a.tflite", height=64)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(ValueError, match="metadata.json"):
        artefact.open_model(tmp_path)
    json_file.write(tmp_path / "1" / "metadata.json", {"working_height": 32})
    with pytest.raises(ValueError, match="metadata.json: damaged, no 'epoch'"):
        artefact.open_model(tmp_path)
