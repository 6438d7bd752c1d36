"""The figures of parity are those of the definition, and differences are noticed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support import commands, runs

pytest.importorskip("tensorflow")
from aquanet_tf import files
from aquanet_tf.inference import network as inference_network
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.inference.loader import open_model
from aquanet_tf.runs import checkpoint
from aquanet_tf.runs.run import load_run
from export import saved_model
from export.bundle import parity


class Scaled(inference_network.Network):
    """Inverse depth from brightness times `factor`; beta 1 everywhere."""

    kind, height, epoch, inverse_depth_max, beta_max = "test", 32, 2, 0.3, 2.5

    def __init__(self, factor=1.0, wrong_pixel=0.0):
        self.factor, self.wrong_pixel = factor, wrong_pixel

    def maps(self, images):
        inverse_depth = (self.factor * (1 + images.mean(-1)) / 1000).astype(np.float32)
        inverse_depth[0, 0, 0] *= 1 + self.wrong_pixel
        return {"inverse_depth": inverse_depth, "beta": np.ones_like(inverse_depth)}


@settings(max_examples=30)
@given(st.floats(0.5, 2.0), st.floats(0, 3))
def test_errors_are_those_of_the_definition(factor, wrong):
    shapes = ((1, 5, 7), (2, 3, 4))
    errors = parity.compare(Scaled(factor, wrong), Scaled(), parity.noise(shapes))
    first, others = abs(factor * (1 + wrong) - 1), abs(factor - 1)
    found = errors["inverse_depth"]
    assert found["max_error"] == pytest.approx(max(first, others), abs=1e-5)
    mean = (2 * first + 57 * others) / 59  # one wrong pixel a batch, of 35 + 24
    assert found["mean_error"] == pytest.approx(mean, abs=1e-5)
    assert errors["beta"] == {"max_error": 0.0, "mean_error": 0.0, "outliers": 0.0}


@pytest.mark.parametrize("factor, share", [(1.24, 0), (1 / 1.24, 0), (1.26, 1), (1 / 1.26, 1)])
def test_outliers_are_counted_both_ways(factor, share):
    errors = parity.compare(Scaled(factor), Scaled(), parity.noise())
    assert errors["inverse_depth"]["outliers"] == share and errors["beta"]["outliers"] == 0
    with pytest.raises(ValueError, match="outliers 0.0[0-9]+, allowed is 0.01"):
        few = Scaled(wrong_pixel=1.0)  # two of the 45 pixels
        parity.check(few, Scaled(), parity.noise(((1, 5, 4), (1, 5, 5))), MANY_OUTLIERS)


MANY_OUTLIERS = parity.Tolerance(None, 10.0, 0.01)


class Mover(Scaled):
    """Probability 0.3 on the left and 0.7 on the right, plus `shift`, and its mask, or another."""

    def __init__(self, shift=0.0, mask_threshold=0.5):
        super().__init__()
        self.shift, self.mask_threshold = shift, mask_threshold

    def maps(self, images):
        maps = super().maps(images)
        probability = np.full_like(maps["beta"], 0.3 + self.shift)
        probability[..., images.shape[2] // 2 :] += 0.4
        static = (probability < self.mask_threshold).astype(np.float32)
        return {**maps, "moving_object_probability": probability, "static_mask": static}


def test_probabilities_by_their_difference_and_masks_by_their_own_probability():
    errors = parity.compare(Mover(0.01), Mover(), parity.noise())
    assert errors["moving_object_probability"]["max_error"] == pytest.approx(0.01, abs=1e-6)
    # Pixels on the threshold may fall on either side of it: that is no error of the mask.
    errors = parity.compare(Mover(0.2001), Mover(0.1999), parity.noise())
    assert errors["static_mask"] == {"max_error": 0.0, "mean_error": 0.0, "outliers": 0.0}
    errors = parity.compare(Mover(mask_threshold=0.9), Mover(), parity.noise(((1, 4, 4),)))
    assert errors["static_mask"]["mean_error"] == errors["static_mask"]["outliers"] == 0.5


def test_one_pixel_or_all_of_them_can_fail():
    tolerance = parity.Tolerance(0.1, 0.01)
    parity.check(Scaled(1.005), Scaled(), parity.noise(), tolerance)
    with pytest.raises(ValueError, match="inverse_depth differs .*: max error 0.2"):
        parity.check(Scaled(1.0, 0.2), Scaled(), parity.noise(), tolerance)
    with pytest.raises(ValueError, match="mean error 0.02"):
        parity.check(Scaled(1.02), Scaled(), parity.noise(), tolerance)


def test_nan_missing_outputs_and_other_epochs_fail():
    with pytest.raises(ValueError, match="inverse_depth that is NaN"):
        parity.compare(Scaled(np.nan), Scaled(), parity.noise())
    silent = Scaled()
    silent.maps = lambda images: {"beta": images[..., 0]}
    with pytest.raises(ValueError, match="does not return inverse_depth"):
        parity.compare(silent, Scaled(), parity.noise())
    older = Scaled()
    older.epoch = 1
    with pytest.raises(ValueError, match="exported at epoch 1, the run is at epoch 2"):
        parity.check(older, Scaled(), parity.noise(), parity.SAME_OPERATIONS)
    with pytest.raises(ValueError, match="--max_error"):
        parity.Tolerance(-1.0, 0.0)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(workdir, model directory, folder of two images)."""
    place = tmp_path_factory.mktemp("parity")
    workdir = runs.write(place / "run", depth_scaling="none")  # quicker to export
    saved_model.export_saved_model(workdir, place / "model")
    (place / "in").mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("a.png", (21, 60)), ("b.png", (40, 33))):
        image = rng.integers(0, 255, (*shape, 3)).astype(np.uint8)
        Image.fromarray(image).save(place / "in" / name)
    return workdir, place / "model", place / "in"


def test_weights_that_moved_are_noticed(exported):
    workdir, model, _ = exported
    run = load_run(workdir)
    weight = checkpoint.tf_variable(run.aquanet.weights[-1])
    weight.assign(weight * 1.2)
    network = open_model(model)
    with pytest.raises(ValueError, match="differs from the checkpoint"):
        parity.check(network, Predictor(run), parity.noise(), parity.SAME_OPERATIONS)


def test_command(exported, tmp_path):
    workdir, model, folder = exported
    options = ["--workdir", workdir, "--model", model, "--input", folder]
    options.append("--checkpoint=2")
    done = commands.run("export.parity", *options, "--out", tmp_path / "parity.json")
    assert done.returncode == 0, done.stderr
    assert "2 images; allowed: max error 0.0001" in done.stdout
    assert set(files.read(tmp_path / "parity.json")["outputs"]) >= {"depth", "beta"}
    # The checkpoint is compared with as many passes as the model has, not with the run's own.
    moved = saved_model.export_saved_model(workdir, tmp_path / "moved", grid_shift=0.5)
    options[3] = moved
    done = commands.run("export.parity", *options, "--out", tmp_path / "parity.json")
    assert done.returncode == 0, done.stderr
    options[3] = workdir
    commands.assert_user_error(commands.run("export.parity", *options), "--model", "is a workdir")
