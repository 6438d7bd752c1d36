"""Training runs on a tiny data set: resume, replicas, workdir, errors. One file of slow steps."""

import json

import numpy as np
import pytest
from command import assert_user_error, run

from aquanet_tf import callbacks, checkpoints, config, phases, train

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
    "warp_impl": "streaming",
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
    return config.Config(**{**TINY, "data_dir": str(data_dir), **changes})


def as_flags(options):
    return [f"--{name}={value}" for name, value in options.items()]


@pytest.fixture(scope="module")
def finished(data_dir, tmp_path_factory):
    """A run of three epochs that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("train") / "run"
    assert train.train(options(data_dir, val_data_dir=str(data_dir)), workdir) == 3
    return workdir


def weights(workdir):
    run = checkpoints.load_run(workdir)
    return run.aquanet.get_weights() + run.posenet.get_weights()


def test_a_run_leaves_what_it_promises(finished, data_dir):
    rows = callbacks.read_history(finished / "history.csv")
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [row["phase"] for row in rows] == ["kickstart", "depth_alone", "stage1"]
    assert [float(row["learning_rate"]) for row in rows] == [1e-3, 1e-3, 5e-4]
    assert all(float(row["loss"]) > 0 and float(row["val_loss"]) > 0 for row in rows)
    assert rows[0]["beta"] == "" and float(rows[2]["beta"]) > 0
    record = json.loads((finished / "run.json").read_text())
    assert record["data"]["image_height"] == 24 and record["data"]["image_width"] == 80
    assert record["seed"] == 1 and record["versions"]["tensorflow"]
    assert (finished / "flags.txt").read_text().startswith(f"--data_dir={data_dir}")
    run = checkpoints.load_run(finished)
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


@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupted_run_ends_like_an_uninterrupted_one(finished, data_dir, tmp_path, stop):
    workdir = tmp_path / "run"
    assert train.train(options(data_dir, epochs=2), workdir) == 2
    if stop == 1:
        # As if the second epoch had been killed: its checkpoint is gone, its history line is not.
        for path in (workdir / "checkpoints").glob("ckpt-2*"):
            path.unlink()
        state = workdir / "checkpoints" / "checkpoint"
        state.write_text('model_checkpoint_path: "ckpt-1"\nall_model_checkpoint_paths: "ckpt-1"\n')
    assert train.train(options(data_dir), workdir) == 3
    for a, b in zip(weights(workdir), weights(finished)):
        np.testing.assert_allclose(a, b, atol=1e-6)
    rows, expected = (callbacks.read_history(d / "history.csv") for d in (workdir, finished))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for row, other in zip(rows, expected):
        np.testing.assert_allclose(float(row["loss"]), float(other["loss"]), rtol=1e-4)


def test_a_finished_run_does_nothing(finished, data_dir):
    before = weights(finished)
    assert train.train(options(data_dir, val_data_dir=str(data_dir)), finished) == 3
    for a, b in zip(weights(finished), before):
        np.testing.assert_array_equal(a, b)


def test_other_options_need_another_workdir(finished, data_dir):
    with pytest.raises(ValueError, match="began with --levels=5; choose another --workdir"):
        train.train(options(data_dir, levels=7), finished)


def test_a_damaged_checkpoint_is_named(finished, tmp_path):
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(finished, copy)
    for path in (copy / "checkpoints").glob("ckpt-3.data*"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="ckpt-3.*is damaged"):
        checkpoints.load_run(copy)


def test_two_replicas_train_like_one(data_dir, tmp_path):
    """Logical CPUs must be split before TensorFlow starts, hence the processes."""
    logs = {}
    for replicas in (1, 2):
        workdir = tmp_path / f"run{replicas}"
        flags = {**TINY, "data_dir": data_dir, "replicas": replicas, "workdir": workdir}
        # Plain SGD-like comparison needs no Adam: two steps of Adam amplify rounding, so compare
        # the losses of every epoch and the weights loosely.
        done = run("aquanet_tf.train", *as_flags({**flags, "panels_every": 0}))
        assert done.returncode == 0, done.stderr
        logs[replicas] = callbacks.read_history(workdir / "history.csv")
    for one, two in zip(logs[1], logs[2]):
        for name in ("loss", "translation", "rotation"):
            np.testing.assert_allclose(float(one[name]), float(two[name]), rtol=2e-3)
    for a, b in zip(weights(tmp_path / "run1"), weights(tmp_path / "run2")):
        np.testing.assert_allclose(a, b, atol=5e-4)


def test_command_line_errors(data_dir, tmp_path):
    flags = {**TINY, "data_dir": data_dir}
    assert_user_error(run("aquanet_tf.train", *as_flags(flags)), "--workdir is empty")
    absent = {**flags, "data_dir": tmp_path / "none", "workdir": tmp_path / "run"}
    assert_user_error(run("aquanet_tf.train", *as_flags(absent)), "none/manifest.json")
    odd = {**flags, "batch_size": 3, "replicas": 2, "workdir": tmp_path / "odd"}
    assert_user_error(run("aquanet_tf.train", *as_flags(odd)), "--batch_size=3", "2 replicas")
    (tmp_path / "file").write_text("")
    blocked = {**flags, "workdir": tmp_path / "file" / "run"}
    assert_user_error(run("aquanet_tf.train", *as_flags(blocked)), "file")


def test_missing_vgg_weights_fail_before_the_first_step(data_dir, tmp_path):
    with pytest.raises(ValueError, match="nowhere.h5: no such file"):
        bad = options(data_dir, perceptual_weight=0.01, vgg19_weights="nowhere.h5")
        train.train(bad, tmp_path / "run")


def test_not_finite_becomes_a_line_with_advice(data_dir, tmp_path, monkeypatch):
    import tensorflow as tf

    from aquanet_tf import losses

    monkeypatch.setattr(losses, "smoothness", lambda d, *_: d[:, 0, 0, 0] * tf.constant(np.nan))
    with pytest.raises(ValueError, match="the smoothness loss is not finite.*--clip_norm=1"):
        train.train(options(data_dir, panels_every=0), tmp_path / "run")
    assert len(callbacks.read_history(tmp_path / "run" / "history.csv")) == 1


def test_learning_rate_is_halved_at_milestones():
    settings = config.Config(milestones="60,80,100")
    phase = phases.phases(settings)[-1]
    rates = [phases.learning_rate(settings, phase, epoch) for epoch in (59, 60, 80, 109)]
    np.testing.assert_allclose(rates, [1e-4, 5e-5, 2.5e-5, 1.25e-5])


def test_phases_without_epochs_are_left_out():
    names = [phase.name for phase in phases.phases(config.Config(kickstart_epochs=0, epochs=2))]
    assert names == ["stage1"]
