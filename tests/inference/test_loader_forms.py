"""One function for every form of a model: the same names and units, nearly the same numbers."""

import doctest
import importlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.support import commands, runs

pytest.importorskip("tensorflow")
import aquanet_tf.inference
from aquanet_tf import files
from aquanet_tf.inference import LiteModel, Predictor, SavedModel, open_model
from export import release, saved_model, tflite

SIZE = (32, 96)
IMAGE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
FORMS = {
    "run": Predictor,
    "released": Predictor,
    "version": SavedModel,
    "versions": SavedModel,
    "lite": LiteModel,
}
# TensorFlow cannot even be found here: as where only ai-edge-litert is installed.
WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
import numpy as np
from aquanet_tf.inference import open_model
prediction = open_model(sys.argv[1])(np.load(sys.argv[2]))
np.savez(sys.argv[3], depth=prediction.depth, beta=prediction.beta)
assert prediction.unit == "relative" and sys.modules.pop("tensorflow") is None
assert not [name for name in sys.modules if name.split(".")[0] == "tensorflow"]
"""


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Form -> path of one run with random weights."""
    place = tmp_path_factory.mktemp("forms")
    run = runs.write(place / "run")
    version = saved_model.export_saved_model(run, place / "saved_model")
    return {
        "run": run,
        "released": release.release(run, place / "released"),
        "version": version,
        "versions": version.parent,
        "lite": tflite.export_tflite(run, place / "a.tflite", tflite.Settings(*SIZE)),
    }


def whole(workdir, copy):
    """A copy of a run that says it was trained on whole frames: the same depth, and an export of
    it holds no moving objects, which take most of the time."""
    shutil.copytree(workdir, copy)
    config = files.read(copy / "config.json")
    files.write(copy / "config.json", {**config, "depth_scaling": "none"})
    return copy


@pytest.fixture(scope="module")
def predictions(paths):
    return {form: open_model(path)(IMAGE) for form, path in paths.items()}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_predict_the_same(paths, predictions, form):
    model, found, expected = open_model(str(paths[form])), predictions[form], predictions["run"]
    assert isinstance(model, FORMS[form]) and "working height 32" in repr(model)
    assert found.unit == "relative"
    for name in ("inverse_depth", "depth", "beta"):
        value = getattr(found, name)
        assert value.shape == SIZE and value.dtype == np.float32
        np.testing.assert_allclose(value, getattr(expected, name), rtol=1e-3)
    # One rule for floating point images, whatever the form.
    np.testing.assert_array_equal(model(IMAGE / 255).inverse_depth, found.inverse_depth)
    with pytest.raises(ValueError, match="expected 0 to 1"):
        model(IMAGE.astype(np.float32))


@pytest.mark.parametrize("form", [form for form in FORMS if form != "lite"])
def test_moving_is_the_same_where_there_is_any(predictions, form):
    moving = predictions[form].moving
    assert moving.shape == SIZE and moving.dtype == bool and 0.01 < moving.mean() < 0.99
    assert np.mean(moving != predictions["run"].moving) < 0.01  # rounding at the threshold


@pytest.mark.parametrize(
    "name",
    ["run [v2]", *(pytest.param(n, marks=pytest.mark.slow) for n in ("a*b?", "back\\slash"))],
)
def test_models_at_places_that_look_like_patterns(paths, predictions, tmp_path, name):
    place = tmp_path / name
    whole(paths["run"], place / "run")
    for form in ("released", "versions"):
        shutil.copytree(paths[form], place / form)
    for form in ("run", "released", "versions"):
        found = open_model(place / form)(IMAGE)
        np.testing.assert_array_equal(found.depth, predictions[form].depth)
    lite = tflite.export_tflite(place / "run", place / "a.tflite", tflite.Settings(*SIZE))
    np.testing.assert_array_equal(open_model(lite)(IMAGE).depth, predictions["lite"].depth)
    again = release.release(place / "run", place / "again")
    np.testing.assert_array_equal(open_model(again)(IMAGE).depth, predictions["run"].depth)
    exported = saved_model.export_saved_model(place / "run", tmp_path / "plain")
    np.testing.assert_allclose(open_model(exported)(IMAGE).depth, predictions["run"].depth, 1e-4)
    with pytest.raises(ValueError, match="--out=.*do not load a SavedModel from a path"):
        saved_model.export_saved_model(place / "run", place / "never")
    assert not (place / "never").exists()


def test_a_lite_model_holds_depth_alone(predictions):
    with pytest.raises(ValueError, match="cannot tell"):
        _ = predictions["lite"].moving


def test_meters_of_an_export_that_knows_its_scale(paths, predictions, tmp_path):
    run = whole(paths["run"], tmp_path / "run")
    exported = saved_model.export_saved_model(run, tmp_path / "model", metres_per_unit=2.5)
    prediction = open_model(exported)(IMAGE)
    assert prediction.unit == "meters"
    np.testing.assert_allclose(prediction.depth, 2.5 * predictions["run"].depth, rtol=1e-3)
    served = SavedModel(exported).maps(IMAGE[None])["depth_metres"][0]
    np.testing.assert_allclose(prediction.depth, served, rtol=1e-5)


def test_a_lite_model_warns_once_of_each_shape_that_it_squeezes(paths, recwarn):
    model = open_model(paths["lite"])  # 32x96
    for height, width in ((32, 96), (64, 192), (40, 116), (33, 102), (31, 93)):
        model(np.zeros((height, width, 3), np.uint8))
    assert not [each for each in recwarn if "squeezed" in str(each.message)]
    for height, width in ((48, 64), (48, 64), (48, 64), (30, 120)):
        found = model(np.zeros((height, width, 3), np.uint8))
        assert found.depth.shape == (height, width)
    said = [str(each.message) for each in recwarn if "squeezed" in str(each.message)]
    assert len(said) == 2
    assert "images of 48x64 are squeezed to the model's 32x96" in said[0]
    assert "--height=32 --width=43" in said[0] and "--width=128" in said[1]
    assert "squeezed" in files.read(paths["lite"].with_suffix(".json"))["other_aspects"]


def test_a_lite_model_runs_without_tensorflow(paths, predictions, tmp_path):
    pytest.importorskip("ai_edge_litert")
    np.save(tmp_path / "in.npy", IMAGE)
    arguments = [paths["lite"], tmp_path / "in.npy", tmp_path / "out.npz"]
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *map(str, arguments)]
    subprocess.run(command, cwd=commands.ROOT, check=True)
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_array_equal(found["depth"], predictions["lite"].depth)
        np.testing.assert_array_equal(found["beta"], predictions["lite"].beta)


def test_the_rooms_names_are_imported_on_first_use():
    code = "import sys; from aquanet_tf.inference import open_model; "
    code += "sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=commands.ROOT).returncode == 0
    for name in aquanet_tf.inference.__all__:
        assert getattr(aquanet_tf.inference, name).__doc__ and name in dir(aquanet_tf.inference)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = aquanet_tf.inference.nothing


@pytest.mark.parametrize("name", ["", ".loader", ".network"])
def test_examples_run(name, monkeypatch):
    monkeypatch.chdir(commands.ROOT)
    module = importlib.import_module(f"aquanet_tf.inference{name}")
    failed, tried = doctest.testmod(module)
    assert tried and not failed
