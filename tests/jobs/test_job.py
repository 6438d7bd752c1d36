"""What an earlier job of the same name left decides whether another may take its place."""

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
