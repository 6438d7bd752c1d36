"""Runs that learn their camera: checkpoint, resumption, intrinsics.json, stage 2."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf import files
from aquanet_tf.cameras import camera_file
from aquanet_tf.config import Config
from aquanet_tf.layers import LearnedIntrinsics
from aquanet_tf.runs import history
from aquanet_tf.training import trainer
from aquanet_tf.training.stages import kick_start, stage_one
from aquanet_tf.training.watchers import intrinsics
from tests.support import kitti_tree
from tests.support.eager import eager
from tests.training.stages.test_stage import batch, make
from tests.training.test_averages import tensors
from tests.training.test_trainer import options, train_until

SHORT = {
    "kickstart_epochs": 0,
    "pose_frozen_epochs": 0,
    "panels_every": 0,
    "milestones": "",
    "epochs": 2,
}
# Backward warping, which TensorFlow traces faster.
FAST = {"head": "direct", "warp": "backward", "deterministic": True, **SHORT}
LEARNED = {"learn_intrinsics": True, **FAST}


@pytest.fixture(scope="module", autouse=True)
def stepwise():
    """Three runs of four steps are not worth three graphs."""
    with eager():
        yield


@pytest.fixture(scope="module")
def finished(data_dir, tmp_path_factory):
    """A run of two epochs that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("intrinsics") / "run"
    assert trainer.train(options(data_dir, **LEARNED), workdir) == 2
    return workdir


def test_intrinsics_json_is_a_camera_file_of_the_learned_numbers(finished, data_dir):
    numbers = tensors(finished)["intrinsics/values/.ATTRIBUTES/VARIABLE_VALUE"]
    layer = LearnedIntrinsics()
    layer.values.assign(numbers)
    expected = layer(
        tf.constant(kitti_tree.K[2][None], tf.float32), tf.ones([1, 1]), tf.constant([[80.0, 24.0]])
    )[0]
    found = camera_file.read(finished / "intrinsics.json", (24, 80))
    np.testing.assert_allclose(found.k, expected, rtol=1e-5)
    assert abs(found.k[0, 0] / kitti_tree.K[2][0, 0] - 1) > 1e-3
    half = camera_file.read(finished / "intrinsics.json", (12, 40)).k
    np.testing.assert_allclose(half[0, 0], found.k[0, 0] / 2)
    document = files.read(finished / "intrinsics.json")
    assert "A drive hardly shows its focal length" in document["comment"]
    learned = document["learned"]
    assert learned["epoch"] == 2 and learned["epochs_of_spread"] == 2
    assert learned["sets"][0]["directory"] == str(data_dir)
    # The spread is that of the two epochs in the history, in pixels.
    rows = history.read_history(finished / "history.csv")
    factors = [float(row["fx_0"]) for row in rows]
    spread = abs(factors[0] - factors[1]) / 2 * kitti_tree.K[2][0, 0]
    np.testing.assert_allclose(learned["sets"][0]["spread"]["fx"], spread, rtol=1e-6)


def test_a_stopped_run_is_bit_equal(finished, data_dir, tmp_path, monkeypatch):
    workdir = tmp_path / "run"
    train_until(monkeypatch, options(data_dir, **LEARNED), workdir, "on_train_batch_end", 1, 1)
    assert trainer.train(options(data_dir, **LEARNED), workdir) == 2
    mine, theirs = tensors(workdir), tensors(finished)
    assert set(mine) == set(theirs)
    for name in theirs:
        if not name.startswith(("save_counter", "sums/")):
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
    assert files.read(workdir / "intrinsics.json") == files.read(finished / "intrinsics.json")
    with pytest.raises(ValueError, match="began with --learn_intrinsics=True; choose another"):
        trainer.train(options(data_dir, **{**LEARNED, "learn_intrinsics": False}), workdir)


def started(config, workdir):
    """Names in the first checkpoint of a run that has made no step."""
    trainer.Trainer(config, workdir, trainer.training_signals.Interruption()).start()
    reader = tf.train.load_checkpoint(str(workdir / "unfinished"))
    return {name.split("/.ATTR")[0] for name in reader.get_variable_to_shape_map()}


def test_other_runs_have_nothing_of_it(data_dir, tmp_path):
    plain = started(options(data_dir, **SHORT), tmp_path / "plain")
    learning = started(options(data_dir, **SHORT, learn_intrinsics=True), tmp_path / "learning")
    assert plain < learning and not any("intrinsics" in name for name in plain)
    more = sorted(learning - plain)
    slots = [name for name in more if name.startswith("stage1_optimizer/")]
    columns = [f"sums/{name}_0" for name in ("cx", "cy", "fx", "fy")] + ["sums/intrinsics"]
    # Adam keeps two numbers for each variable.
    assert len(slots) == 2 and more == sorted(["intrinsics/values", *columns, *slots])


def learning(stage, **changes):
    """A stage with cameras, and a batch of it."""
    built = make(stage, learn_intrinsics=True, **changes)
    built = stage(built.config, built.aquanet, built.posenet, cameras=LearnedIntrinsics())
    seen = batch()
    return built, {
        **seen,
        "data_set": tf.ones([2, 1]),
        "whole_size": tf.constant([[48.0, 32.0], [-48.0, 32.0]]),
    }


def test_every_stage_sees_the_learned_k_and_the_last_one_trains_it():
    for stage, trains in (
        (kick_start.KickStart, False),
        (stage_one.DepthAlone, False),
        (stage_one.StageOne, True),
    ):
        built, seen = learning(stage, head="direct", warp="backward")
        # A PoseNet that moves: with no motion K does not matter.
        built.posenet.head.set_weights([50 * w for w in built.posenet.head.get_weights()])
        names = [id(each) for each in built.trained]
        assert (id(built.cameras.values) in names) == trains
        assert ("fx_0" in built.means) == ("intrinsics" in built.means) == trains
        before = built.objective(seen)[1]["photometric"]
        built.cameras.start([[0.2, 0.2, 0.0, 0.0]])
        _, values = built.objective(seen)
        assert float(values["photometric"]) != float(before)
        if trains:
            np.testing.assert_allclose(values["fx_0"], np.exp(0.2), rtol=1e-6)
            np.testing.assert_allclose(values["intrinsics"], (0.2 / 0.3) ** 2, rtol=1e-5)


def test_stage_two_starts_where_stage_one_ended(finished, data_dir, caplog):
    layer = LearnedIntrinsics()
    two = options(data_dir, stage="2", stage1_workdir=str(finished), learn_intrinsics=True)
    intrinsics.of_stage_one(two, layer)
    numbers = tensors(finished)["intrinsics/values/.ATTRIBUTES/VARIABLE_VALUE"]
    np.testing.assert_allclose(layer.values, numbers, rtol=1e-6)
    other = LearnedIntrinsics(2)
    both = options(f"{data_dir},{data_dir}", stage="2", stage1_workdir=str(finished))
    intrinsics.of_stage_one(both, other)
    assert not other.numbers.numpy().any() and "of other data sets" in caplog.text


def test_focal_planes_contradict_it():
    with pytest.raises(ValueError, match="--focal_planes feeds .* --learn_intrinsics changes"):
        Config(focal_planes=True, learn_intrinsics=True)
