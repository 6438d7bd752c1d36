"""The tensor to blame is found, in a stage of two numbers."""

import errno
import types

import pytest
import tensorflow as tf

from aquanet_tf.data import pipeline
from aquanet_tf.losses.objective import Term
from aquanet_tf.training import diagnosis
from aquanet_tf.training.diagnosis import Culprit
from aquanet_tf.training.stages.stage import Outputs

NAN = float("nan")


class Network:
    def __init__(self, name, value):
        self.weights = [tf.Variable([value], name=name)]


class Stage:
    """loss = a * sqrt(target) + 0 * resize: its gradient is not finite where target is 0."""

    def __init__(self, a=1.0, b=2.0):
        self.aquanet, self.posenet = Network("depth/kernel", a), Network("pose/kernel", b)
        self.trained = self.aquanet.weights + self.posenet.weights

    @property
    def networks(self):
        return self

    def forward(self, batch, networks):
        (a,), (b,) = self.aquanet.weights, self.posenet.weights
        terms = {
            "photometric": Term(1.0, a[0] * batch["resize"]),
            "smoothness": Term(0.5, tf.sqrt(b[0] * batch["target"])),
        }
        return Outputs(terms, {}, {})


def batch(target=(1.0, 2.0, 3.0), resize=(1.0, 1.0, 1.0)):
    return {"target": tf.constant(target), "resize": tf.constant(resize)}


def test_nothing_is_found_where_all_is_finite():
    assert diagnosis.find(Stage(), batch(), Stage()) is None


@pytest.mark.parametrize(
    "stage, data, expected",
    [
        (Stage(), batch(resize=(1.0, NAN, 1.0)), Culprit("the batch's resize", [1])),
        (Stage(b=NAN), batch(), Culprit("the weight pose/kernel", [0, 1, 2])),
        (Stage(), batch((1.0, 2.0, -3.0)), Culprit("the smoothness loss", [2])),
        (Stage(), batch((1.0, 0.0, 3.0)), Culprit("the gradient of pose/kernel", [0, 1, 2])),
    ],
)
def test_the_first_one_is_named(stage, data, expected):
    # d sqrt(b x) / d b at x = 0 is 0 * inf.
    assert diagnosis.find(stage, data, stage.networks) == expected


def test_an_error_without_a_file_names_the_workdir(tmp_path):
    with pytest.raises(OSError, match=f"{tmp_path}: No space left on device"):
        with diagnosis.explained(None, tmp_path, None):
            raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(tf.errors.NotFoundError):
        with diagnosis.explained(None, tmp_path, None):
            raise tf.errors.NotFoundError(None, None, "other")


def test_all_steps_of_an_execution_are_looked_into(tmp_path, monkeypatch):
    """`fit` knows only that one of --steps_per_execution steps failed."""
    good, bad = ({**batch((1.0, 2.0, third)), "key": list("abc")} for third in (3.0, -3.0))
    samples = {name: tf.stack([good[name], bad[name]]) for name in good}
    monkeypatch.setattr(
        pipeline,
        "training_dataset",
        lambda options, start, end, masks, skip: tf.data.Dataset.from_tensor_slices(samples),
    )
    saver = types.SimpleNamespace(
        model=Stage(),
        validated=None,
        epoch=3,
        step=4,
        checkpoints=types.SimpleNamespace(newest=lambda: "ckpt-3"),
    )
    options = types.SimpleNamespace(steps_per_execution=2)
    with pytest.raises(ValueError, match="epoch 3, step 5: the smoothness loss .* samples c of"):
        with diagnosis.explained(options, tmp_path, saver):
            raise tf.errors.InvalidArgumentError(None, None, "the gradient is not finite")
