"""What an earlier job of the same name left decides whether another may take its place."""

import dataclasses
import sys

import pytest

from aquanet_tf import files
from aquanet_tf.jobs import job as job_module
from aquanet_tf.jobs import runner
from aquanet_tf.jobs.job import Job


def command(code):
    return sys.executable, "-c", code


def training(out, code, **options):
    """A training in OUT/run whose process runs `code`."""
    history = out / "run" / "history.csv"
    what = {"options": options, "data": ["street"], "stage1": None}
    masks = out / "run" / "masks"
    parts = {"progress": history, "output": history, "masks": masks}
    return Job("train", command(code), what, **parts)


def test_a_job_that_failed_with_nothing_made_may_be_corrected(tmp_path):
    typo = Job(
        "video", command("raise SystemExit('error: no such file')"), {"command": ["nothere"]}
    )
    assert "no such file" in runner.run([typo], tmp_path)["video"]
    assert runner.run([Job("video", command(""), {"command": ["there"]})], tmp_path) == {}
    with pytest.raises(ValueError, match="video.json: was made with another command; choose"):
        runner.run([typo], tmp_path)


def test_a_training_that_failed_before_it_wrote_anything_may_be_corrected(tmp_path):
    assert runner.run([training(tmp_path, "raise SystemExit(1)", epochs=2)], tmp_path)
    assert (tmp_path / "run" / "masks").is_symlink()  # of the runner, not of the training
    job_module.refuse_other_work(training(tmp_path, "", epochs=3), tmp_path)


def test_a_training_that_began_is_not_continued_with_other_options(tmp_path):
    """In its first epoch it has options and checkpoints, but no history yet."""
    begins = f"open({str(tmp_path / 'run' / 'config.json')!r}, 'w'); raise SystemExit(1)"
    assert runner.run([training(tmp_path, begins, epochs=2)], tmp_path)
    called = []
    with pytest.raises(ValueError, match="train.json: was made with --epochs=2; .*below .*/run$"):
        runner.run([training(tmp_path, "", epochs=3)], tmp_path, before=lambda: called.append(1))
    assert not called
    runner.run([training(tmp_path, "", epochs=2)], tmp_path, before=lambda: called.append(1))
    assert called == [1]


def begun(out, what):
    """The record of a training that was interrupted after an epoch."""
    record = {"what": what, "finished": False, "seconds": 7.0}
    files.write(job_module.path_of(out, "train"), record)
    (out / "run").mkdir()
    (out / "run" / "history.csv").write_text("epoch\n0\n")


DEFAULTS = {"epochs": 5, "margin": 0}


@pytest.mark.parametrize(
    "before, stage1_before, words",
    [
        ({"epochs": 2}, {}, ""),
        ({"epochs": 2}, {"epochs": 5}, ""),
        ({"epochs": 2, "margin": 0}, {"epochs": 5, "margin": 0}, ""),
        ({}, {}, "--epochs=5"),
        ({"epochs": 2, "margin": 1}, {}, "--margin=1"),
        ({"epochs": 2, "beta": 0}, {}, "--beta=0"),
        ({"epochs": 2}, {"epochs": 4}, "another stage 1"),
        ({"epochs": 2}, {"beta": 0}, "another stage 1"),
    ],
)
def test_an_option_that_a_record_does_not_name_counts_as_its_default(
    before, stage1_before, words, tmp_path
):
    """An earlier version did not have it. Options that this version does not know stay refused."""
    what = {"options": {"epochs": 2, "margin": 0}, "data": [], "stage1": {"options": DEFAULTS}}
    now = dataclasses.replace(training(tmp_path, ""), what=what, defaults=DEFAULTS)
    begun(tmp_path, {**what, "options": before, "stage1": {"options": stage1_before}})
    if words:
        with pytest.raises(ValueError, match=f"was made with {words}; choose"):
            job_module.refuse_other_work(now, tmp_path)
        return
    job_module.refuse_other_work(now, tmp_path)
    assert not job_module.finished(now, tmp_path)
    assert runner.run([now], tmp_path) == {}
    assert job_module.finished(now, tmp_path)
    assert job_module.record(tmp_path, "train")["what"] == what
    assert job_module.seconds(tmp_path, "train") > 7  # with those of the earlier version


def test_an_option_without_a_default_counts(tmp_path):
    """As everything does of a job that is no training."""
    begun(tmp_path, {"options": {"epochs": 2}, "data": ["street"], "stage1": None})
    with pytest.raises(ValueError, match="was made with no --margin; choose"):
        job_module.refuse_other_work(training(tmp_path, "", epochs=2, margin=0), tmp_path)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"options": {"epochs": 2, "seed": 1}}, "no --seed"),
        ({"data": ["KITTI"]}, "other data"),
        ({"stage1": {"options": {}}}, "another stage 1"),
        ({"data": [], "stage1": {}}, "other data, another stage 1"),
    ],
)
def test_what_differs_is_told(changes, words, tmp_path):
    before = training(tmp_path, "", epochs=2)
    record = {"what": before.what, "finished": True, "seconds": 1.0}
    files.write(job_module.path_of(tmp_path, "train"), record)
    now = Job("train", (), {**before.what, **changes})
    with pytest.raises(ValueError, match=f"was made with {words}; choose"):
        job_module.refuse_other_work(now, tmp_path)
