"""A result file says which network was measured, and how it was used."""

import json
import types

import pytest

from aquanet_tf.evaluation import model_entry


def network(**changes):
    values = {"epoch": 7, "height": 192, "grid_shift": 0.0, **changes}
    return types.SimpleNamespace(**values)


def test_it_can_be_read_from_anywhere(tmp_path, monkeypatch):
    """JSON, and a workdir that does not depend on the folder that the command ran in."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    entry = model_entry.of("../run", network(grid_shift=0.25))
    assert entry == json.loads(json.dumps(entry))
    assert (entry["epoch"], entry["working_height"], entry["grid_shift"]) == (7, 192, 0.25)
    assert entry["workdir"] == str((tmp_path / "run").resolve())


@pytest.mark.parametrize(
    "changes, words",
    [
        ({}, ["epoch 7", "working height 192", "one pass"]),
        ({"epoch": 110}, ["epoch 110", "working height 192", "one pass"]),
        ({"height": 256}, ["epoch 7", "working height 256", "one pass"]),
        ({"grid_shift": 0.25}, ["mean of three passes", "grid shift 0.25"]),
    ],
)
def test_the_line_says_all_that_changes_the_numbers(changes, words):
    line = model_entry.line(model_entry.of("run", network(**changes)))
    assert all(word in line for word in words)
    assert ("one pass" in line) != ("three passes" in line)


def test_a_file_from_before_grid_shift_was_one_pass():
    entry = model_entry.of("run", network())
    expected = model_entry.line(entry)
    del entry["grid_shift"]
    assert model_entry.line(entry) == expected
