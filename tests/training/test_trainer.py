"""Training runs on a tiny data set: resume, replicas, workdir, errors. One file of slow steps."""

import json
import signal

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.data import pipeline
from aquanet_tf.layers.warp import forward
from aquanet_tf.losses import smoothness as smoothness_module
from aquanet_tf.runs import best, history
from aquanet_tf.runs.run import load_run
from aquanet_tf.training import trainer
from aquanet_tf.training import workdir as training_workdir
from aquanet_tf.training.watchers import callbacks
from tests.support import kitti_tree, runs
from tests.support.commands import assert_user_error, run
from tests.support.eager import eager

# What --warp_impl=auto means on a CPU, which is traced faster; compiling the other with
# XLA takes longer than the runs.
WARP = "native" if forward.chosen_implementation(tf.float32) == "native" else "streaming"
TINY = {
    "batch_size": 2,
    "crop_height": 16,
    "crop_width": 48,
    "pose_input_height": 16,
    "pose_input_width": 48,
    "width": 0.0625,
    "levels": 5,
    "pose_network_width": 0.125,
    "perceptual_weight": 0.0,
    "vgg19_weights": "none",
    "warp_impl": WARP,
    "kickstart_epochs": 1,
    "pose_frozen_epochs": 1,
    "epochs": 3,
    "steps_per_epoch": 2,
    "kickstart_learning_rate": 1e-3,
    "learning_rate": 1e-3,
    "milestones": "2",
    "panels_every": 1,
}


def options(data_dir, **changes):
    return Config(**{**TINY, "data_dir": str(data_dir), **changes})


def as_flags(options):
    return [f"--{name}={value}" for name, value in options.items()]


@pytest.fixture(scope="module")
def watched(data_dir, tmp_path_factory):
    """Options of a run that is validated, measured, and keeps its best epoch."""
    scene = kitti_tree.write_scene(tmp_path_factory.mktemp("train") / "scene")
    measured = {"val_gt_dir": str(scene), "val_gt_frames": 1, "keep_best": "abs_rel"}
    return {"val_data_dir": str(data_dir), **measured}


@pytest.fixture(scope="module")
def finished(data_dir, watched, tmp_path_factory):
    """A run of three epochs that nothing interrupted; in graphs, as users train."""
    workdir = tmp_path_factory.mktemp("train") / "run"
    assert trainer.train(options(data_dir, **watched), workdir) == 3
    return workdir


def weights(workdir):
    run = load_run(workdir)
    return run.aquanet.get_weights() + run.posenet.get_weights()


def test_a_run_leaves_what_it_promises(finished, data_dir):
    rows = history.read_history(finished / "history.csv")
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [row["phase"] for row in rows] == ["kickstart", "depth_alone", "stage1"]
    assert [float(row["learning_rate"]) for row in rows] == [1e-3, 1e-3, 5e-4]
    assert all(float(row["loss"]) > 0 and float(row["val_loss"]) > 0 for row in rows)
    assert rows[0]["beta"] == "" and float(rows[2]["beta"]) > 0
    record = json.loads((finished / "run.json").read_text())
    assert record["data"]["image_height"] == 24 and record["data"]["image_width"] == 80
    assert record["seed"] == 1 and record["versions"]["tensorflow"]
    assert f"--data_dir={data_dir}\n" in (finished / "flags.txt").read_text()
    run = load_run(finished)
    assert run.epoch == 3 and run.config.levels == 5


def test_tensorboard_holds_scalars_and_panels(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = {}
    for folder in ("train", "validation", "panels"):
        events = EventAccumulator(str(finished / "tensorboard" / folder))
        events.Reload()
        tags[folder] = events.Tags()
    scalars = set(tags["train"]["tensors"]) | set(tags["train"]["scalars"])
    for name in ("photometric", "smoothness", "translation", "rotation", "beta", "visible"):
        assert f"epoch_{name}" in scalars
    assert scalars & {"epoch_lr", "epoch_learning_rate"}
    assert "panel" in set(tags["panels"]["tensors"]) | set(tags["panels"]["images"])


def stop_at(monkeypatch, method, epoch, count):
    """SIGTERM when the saver's `method` is called for the `count`-th time in `epoch`."""
    original = getattr(callbacks.CheckpointCallback, method)
    calls = []

    def stopping(self, *arguments, **named):
        calls.append(self.epoch)
        if self.epoch == epoch and calls.count(epoch) == count:
            signal.raise_signal(signal.SIGTERM)
        original(self, *arguments, **named)

    monkeypatch.setattr(callbacks.CheckpointCallback, method, stopping)


def train_until(monkeypatch, settings, workdir, *where):
    """Trains until the signal, see `stop_at`; the run must end as SIGTERM ends it."""
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        stop_at(patch, *where)
        trainer.train(settings, workdir)
    assert stopped.value.code == 143


def test_the_best_epoch_by_depth_is_kept(finished):
    rows = history.read_history(finished / "history.csv")
    assert rows[0]["val_abs_rel"] == ""  # the kick-start does not train depth
    values = {1 + int(row["epoch"]): float(row["val_abs_rel"]) for row in rows[1:]}
    epoch = min(values, key=values.get)
    found = {"epoch": epoch, "column": "val_abs_rel", "value": values[epoch]}
    assert best.read(finished) == found
    assert [p.stem for p in (finished / "best").glob("*.index")] == [f"ckpt-{epoch}"]


def test_a_stopped_run_ends_like_one_that_was_not(
    finished, data_dir, watched, tmp_path, monkeypatch
):
    """Stopped inside an epoch, given more epochs, stopped in the validation."""
    workdir = tmp_path / "run"
    settings = options(data_dir, epochs=2, checkpoint_steps=1)
    with eager():
        train_until(monkeypatch, settings, workdir, "on_train_batch_end", 1, 1)
    assert [path.stem for path in workdir.glob("unfinished/*.index")] == ["epoch-1-step-1"]
    assert len(history.read_history(workdir / "history.csv")) == 1
    settings = options(data_dir, **watched, checkpoint_steps=0)
    with eager():
        train_until(monkeypatch, settings, workdir, "on_test_batch_end", 2, 3)
    assert [path.stem for path in workdir.glob("unfinished/*.index")] == ["epoch-2-step-2"]
    assert len(history.read_history(workdir / "history.csv")) == 2
    with eager():
        assert trainer.train(settings, workdir) == 3
    assert not (workdir / "unfinished").exists()
    for a, b in zip(weights(workdir), weights(finished)):
        np.testing.assert_allclose(a, b, atol=1e-6)
    rows, expected = (history.read_history(d / "history.csv") for d in (workdir, finished))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for name in ("loss", "translation", "spread", "val_loss", "val_abs_rel"):
        for row, other in zip(rows, expected):
            if row[name]:
                np.testing.assert_allclose(float(row[name]), float(other[name]), rtol=1e-4)
    assert rows[2]["val_loss"]
    kept, other = best.read(workdir), best.read(finished)
    assert kept["epoch"] == other["epoch"]
    np.testing.assert_allclose(kept["value"], other["value"], rtol=1e-4)


def test_a_finished_run_does_nothing(finished, data_dir):
    before = weights(finished)
    assert trainer.train(options(data_dir, val_data_dir=str(data_dir)), finished) == 3
    for a, b in zip(weights(finished), before):
        np.testing.assert_array_equal(a, b)


def test_other_options_need_another_workdir(finished, data_dir):
    with pytest.raises(ValueError, match="began with --levels=5; choose another --workdir"):
        trainer.train(options(data_dir, levels=7), finished)


def test_a_damaged_checkpoint_is_named(finished, tmp_path):
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(finished, copy)
    for path in (copy / "checkpoints").glob("ckpt-3.data*"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="ckpt-3.*is damaged"):
        load_run(copy)


def test_a_run_may_have_any_name(data_dir, tmp_path):
    """TensorFlow alone would train to the end, and then find no checkpoint."""
    workdir = tmp_path / "run [lr=1e-4] *?"
    short = {"pose_frozen_epochs": 0, "panels_every": 0}
    with eager():
        assert trainer.train(options(data_dir, epochs=1, **short), workdir) == 1
        assert trainer.train(options(data_dir, epochs=2, **short), workdir) == 2
    assert load_run(workdir).epoch == 2
    assert [row["epoch"] for row in history.read_history(workdir / "history.csv")] == ["0", "1"]
    assert list((workdir / "tensorboard").rglob("*tfevents*"))


def test_two_replicas_train_like_one(finished, data_dir, tmp_path):
    """Logical CPUs must be split before TensorFlow starts, hence the process."""
    workdir = tmp_path / "run"
    flags = {**TINY, "data_dir": data_dir, "replicas": 2, "workdir": workdir, "panels_every": 0}
    done = run("aquanet_tf.train", *as_flags(flags))
    assert done.returncode == 0, done.stderr
    # Adam amplifies rounding: compare the losses of every epoch and the weights loosely.
    for two, one in zip(*(history.read_history(d / "history.csv") for d in (workdir, finished))):
        for name in ("loss", "translation", "rotation"):
            np.testing.assert_allclose(float(two[name]), float(one[name]), rtol=2e-3)
    for a, b in zip(weights(workdir), weights(finished)):
        np.testing.assert_allclose(a, b, atol=5e-4)


def test_command_line_errors(data_dir, tmp_path):
    flags = {**TINY, "data_dir": data_dir}
    assert_user_error(run("aquanet_tf.train", *as_flags(flags)), "--workdir is empty")
    odd = {**flags, "batch_size": 3, "replicas": 2, "workdir": tmp_path / "odd"}
    assert_user_error(run("aquanet_tf.train", *as_flags(odd)), "--batch_size=3", "2 replicas")
    (tmp_path / "file").write_text("")
    blocked = {**flags, "workdir": tmp_path / "file" / "run"}
    assert_user_error(run("aquanet_tf.train", *as_flags(blocked)), "file")


def test_missing_data_are_named(tmp_path):
    with pytest.raises(ValueError, match="none/manifest.json"):
        trainer.train(options(tmp_path / "none"), tmp_path / "run")


def test_executions_must_fill_an_epoch(data_dir, tmp_path):
    with pytest.raises(ValueError, match="--steps_per_execution=3 must divide the 2 steps"):
        trainer.train(options(data_dir, steps_per_execution=3), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_in_float16(data_dir, tmp_path):
    half = {"mixed_precision": "float16", "steps_per_execution": 2, "panels_every": 0}
    short = {"epochs": 1, "kickstart_epochs": 1, "pose_frozen_epochs": 0}
    assert trainer.train(options(data_dir, **half, **short), tmp_path / "run") == 1
    run = load_run(tmp_path / "run")
    assert all(np.isfinite(weight).all() for weight in run.posenet.get_weights())


def test_a_float16_run_is_loaded_in_float32(tmp_path):
    run = load_run(runs.write(tmp_path / "run", mixed_precision="float16"))
    assert run.config.mixed_precision == "float16"
    assert run.aquanet.compute_dtype == run.posenet.compute_dtype == "float32"


def test_missing_vgg_weights_fail_before_the_first_step(data_dir, tmp_path):
    with pytest.raises(ValueError, match="nowhere.h5: no such file"):
        bad = options(data_dir, perceptual_weight=0.01, vgg19_weights="nowhere.h5")
        trainer.train(bad, tmp_path / "run")


def test_not_finite_names_tensor_samples_and_checkpoint(data_dir, tmp_path, monkeypatch):
    """NaN in the second step of the second epoch; the samples are those that step would get."""
    settings = options(data_dir, epochs=2, panels_every=0, checkpoint_steps=1)
    batch = list(pipeline.training_dataset(settings, 1, 2))[1]
    bad, other = batch["key"].numpy()
    marked = tf.reduce_mean(batch["target"][0])

    def smoothness(inverse_depth, target, edge):
        found = tf.abs(tf.reduce_mean(target, axis=[1, 2, 3]) - marked) < 1e-6
        return tf.where(found, np.nan, inverse_depth[:, 0, 0, 0])

    monkeypatch.setattr(smoothness_module, "smoothness", smoothness)
    workdir = tmp_path / "run"
    with pytest.raises(ValueError) as raised:
        trainer.train(settings, workdir)
    said = str(raised.value)
    assert f"epoch 1, step 1: the smoothness loss is not finite, samples {bad.decode()} of " in said
    assert f"of the batch {bad.decode()}, {other.decode()}." in said
    assert f"the last good checkpoint is {workdir}/unfinished/epoch-1-step-1" in said
    assert "--clip_norm=1" in said
    assert len(history.read_history(workdir / "history.csv")) == 1
    # The advice can be followed, and what changed is remembered.
    monkeypatch.undo()
    changed = options(data_dir, epochs=2, panels_every=0, learning_rate=1e-4)
    with eager():
        assert trainer.train(changed, workdir) == 2
    assert Config.load(workdir / "config.json").learning_rate == 1e-4


def test_the_first_of_several_sets_stands_for_the_run(pair_of_sets, tmp_path):
    large, small = pair_of_sets
    for directories, height in ((f"{large},{small}", 24), (f"{small},{large}", 18)):
        training_workdir.prepare(options(directories, data_weights="3,1"), tmp_path / str(height))
        data = json.loads((tmp_path / str(height) / "run.json").read_text())["data"]
        assert data["image_height"] == height and data["triplets"] == 18
        # Relative to the size both are alike, up to rounding.
        assert data["focal"] == pytest.approx([41.5 / 80, 40.5 / 24], rel=0.02)
        assert [each["share"] for each in data["sets"]] == [0.75, 0.25]
        assert ",".join(each["directory"] for each in data["sets"]) == directories
