"""The best checkpoint beside the newest, and every checkpoint by its name."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.config import Config, rules
from aquanet_tf.evaluation import metrics
from aquanet_tf.networks import build
from aquanet_tf.runs import best, load_run
from aquanet_tf.runs.checkpoint import Checkpoints, position
from tests.support import runs


def fake(workdir, epoch, keep=1):
    """A checkpoint as `best` sees it: two files; the older ones are removed."""
    folder = workdir / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    for end in ("index", "data-00000-of-00001"):
        (folder / f"ckpt-{epoch}.{end}").write_text(f"epoch {epoch}")
        (folder / f"ckpt-{epoch - keep}.{end}").unlink(missing_ok=True)


def kept(workdir):
    """(epoch that the copied files are of, number of files) in WORKDIR/best."""
    files = sorted((workdir / "best").glob("ckpt-*"))
    assert len({path.read_text() for path in files}) == 1
    return int(files[0].read_text().split()[1]), len(files)


@settings(max_examples=30)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(0.01, 2.0)), min_size=1, max_size=6),
    larger=st.booleans(),
    stop=st.integers(0, 6),
)
def test_the_first_of_the_best_is_kept_whether_the_run_stops_or_not(
    tmp_path_factory, values, larger, stop
):
    workdir = tmp_path_factory.mktemp("best")
    found = best.Best(workdir, "val_a1", larger)
    for epoch, value in enumerate(values, start=1):
        row = {} if value is None else {"val_a1": value}
        fake(workdir, epoch)
        if epoch == stop:  # killed between the checkpoint and the copy; history.csv is written
            found = best.Best(workdir, "val_a1", larger)
            found.start(epoch, {name: f"{number:.6g}" for name, number in row.items()})
        else:
            found.consider(epoch, row)
    numbers = [value if value is None else float(f"{value:.6g}") for value in values]
    measured = [value for value in numbers if value is not None]
    if not measured:
        assert best.read(workdir) is None
        return
    expected = numbers.index((max if larger else min)(measured)) + 1
    assert kept(workdir) == (expected, 2)
    assert best.read(workdir) == {
        "epoch": expected,
        "column": "val_a1",
        "value": numbers[expected - 1],
    }


def test_who_goes_back_or_takes_another_column_starts_anew(tmp_path):
    fake(tmp_path, 5)
    best.Best(tmp_path, "loss").consider(5, {"loss": 1.0})
    best.Best(tmp_path, "loss").start(6, None)
    assert kept(tmp_path) == (5, 2)
    best.Best(tmp_path, "loss").start(4, None)
    assert best.read(tmp_path) is None
    best.Best(tmp_path, "loss").consider(5, {"loss": 1.0})
    best.Best(tmp_path, "photometric").start(5, {"photometric": "0.25", "val_loss": ""})
    assert best.read(tmp_path) == {"epoch": 5, "column": "photometric", "value": 0.25}


def test_a_loaded_run_is_of_the_checkpoint_that_is_named(tmp_path):
    workdir = runs.write(tmp_path / "run", epoch=1)
    networks = dict(zip(("aquanet", "posenet"), build.build_networks(load_run(workdir).config)))
    saved = Checkpoints(workdir, networks, {}, keep=2)
    bias = networks["aquanet"].weights[-1]
    found = best.Best(workdir, "loss")
    for epoch in range(1, 5):
        bias.assign(bias * 0 + epoch)
        saved.save(epoch)
        found.consider(epoch, {"loss": abs(epoch - 1.6)})

    for which, epoch in {"newest": 4, "2": 2}.items():
        run = load_run(workdir, checkpoint=which)
        assert run.epoch == epoch and (run.aquanet.weights[-1].numpy() == epoch).all()
    assert run.posenet.count_params() > 0  # from the folder of the best one
    names = {which: best.find(workdir, which) for which in ("newest", "best", "2", "3", "4")}
    assert [position(path) for path in names.values()] == [(4,), (2,), (2,), (3,), (4,)]
    with pytest.raises(ValueError, match="--checkpoint=1: --workdir=.* checkpoints 2, 3, 4 "):
        best.find(workdir, "1")
    with pytest.raises(ValueError, match="--checkpoint='last': expected newest, best, or a number"):
        best.find(workdir, "last")


def test_without_keep_best_there_is_none(tmp_path):
    workdir = runs.write(tmp_path / "run")
    with pytest.raises(ValueError, match="--checkpoint=best: .* train with --keep_best"):
        load_run(workdir, checkpoint="best")
    assert load_run(workdir, checkpoint="2").epoch == 2


def test_the_better_direction_of_a_metric_is_that_of_perfect_depth():
    perfect = metrics.depth_metrics([1.0, 2.0], [1.0, 2.0])
    wrong = metrics.depth_metrics([1.0, 2.0], [2.5, 0.5])
    for name in metrics.METRICS:
        column = rules.best_column(Config(keep_best=name, val_gt_dir="gt"))
        assert column == f"val_{name}" and math.isfinite(wrong[name])
        assert (perfect[name] > wrong[name]) == (column in rules.LARGER_IS_BETTER)
