"""The steps of the demo: what is done is what the Makefile has marked."""

import os

from export.demo import steps


def test_what_is_done_stands_on_the_disk(tmp_path):
    assert steps.finished(tmp_path / "none") == {}
    for index, step in enumerate(steps.STEPS):
        proof = tmp_path / step.proof
        proof.parent.mkdir(parents=True, exist_ok=True)
        proof.touch()
        os.utime(proof, (1000 + index, 1000 + index))
        done = steps.finished(tmp_path)
        assert list(done) == list(steps.NAMES[: index + 1]) and done[step.name] == 1000 + index


def test_a_stage_that_is_still_trained_is_not_done(tmp_path):
    (tmp_path / "stage1").mkdir()
    (tmp_path / "stage1" / "history.csv").touch()
    (tmp_path / "done" / "stage1").mkdir(parents=True)  # no mark: a mark is a file
    assert steps.finished(tmp_path) == {}
