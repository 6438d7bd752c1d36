"""A TFLite file holds the checkpoint: built-in operations, finite, and near in every precision."""

import shutil

import numpy as np
import pytest

from tests.support import commands, lite, runs

tf = pytest.importorskip("tensorflow")
from aquanet_tf import files
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.inference.loader import open_model
from aquanet_tf.inference.tflite import LiteModel
from aquanet_tf.runs.run import load_run
from export import tflite
from export.bundle import parity

SIZE = (32, 96)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.write(tmp_path_factory.mktemp("tflite") / "run")


@pytest.fixture(scope="module")
def models(workdir, data_dir):
    """Quantization -> file."""
    return {
        kind: tflite.export_tflite(
            workdir,
            workdir.parent / f"{kind}.tflite",
            tflite.Settings(*SIZE, kind, str(data_dir), images=6),
        )
        for kind in tflite.TOLERANCES
    }


def runtimes():
    found = {"tf.lite": tf.lite}
    try:
        from ai_edge_litert import interpreter

        found["litert"] = interpreter
    except ImportError:
        pass
    return found


@pytest.mark.parametrize("kind", list(tflite.TOLERANCES))
def test_near_the_checkpoint_in_both_runtimes(workdir, models, kind):
    run = load_run(workdir)
    image = np.random.default_rng(1).integers(0, 256, (1, *SIZE, 3), dtype=np.uint8)
    truth = Predictor(run, SIZE[0])
    expected = truth.maps(image)["inverse_depth"]
    answers = []
    for runtime in runtimes().values():
        network = LiteModel(models[kind], runtime)
        answers.append(network.maps(image)["inverse_depth"])
        assert answers[-1].dtype == np.float32 and np.isfinite(answers[-1]).all()
        parity.check(network, truth, [image], tflite.TOLERANCES[kind])
        # It is an image that was understood, not a constant: depth follows the checkpoint's.
        assert np.corrcoef(answers[-1].ravel(), expected.ravel())[0, 1] > 0.98
    # Dynamic-range kernels quantize activations as they run, each runtime and processor in its own
    # way: there the checkpoint above is the common measure. The other kinds leave no such choice.
    if kind != "dynamic":
        np.testing.assert_allclose(answers[0], answers[-1], rtol=1e-2)


@pytest.mark.parametrize("kind", list(tflite.TOLERANCES))
def test_builtins_without_variables(models, kind):
    interpreter = tf.lite.Interpreter(str(models[kind]))
    operations = [entry["op_name"] for entry in interpreter._get_ops_details()]
    assert "CONV_2D" in operations
    assert not [name for name in operations if "VAR" in name or "Flex" in name or "CUSTOM" in name]
    (signature,) = interpreter.get_signature_list().values()
    assert signature["inputs"] == ["image"]
    assert sorted(signature["outputs"]) == ["beta", "inverse_depth"]
    assert interpreter.get_input_details()[0]["dtype"] == np.uint8
    if kind == "int8":
        convolutions = operations.count("CONV_2D")
        assert convolutions > 30 and operations.count("QUANTIZE") > 20
        weights = [d for d in interpreter.get_tensor_details() if d["dtype"] == np.int8]
        assert len(weights) > convolutions


def test_int8_leaves_logits_and_beta_to_float(models):
    operations, tensors = lite.details(models["int8"].read_bytes())
    makers = {output: op["op_name"] for op in operations for output in op["outputs"]}
    for reader in ("SOFTMAX", "TANH"):
        (source,) = (op["inputs"][0] for op in operations if op["op_name"] == reader)
        # Made as float numbers, not brought back from 256 steps.
        assert tensors[source]["dtype"] == np.float32 and makers[source] == "CONV_2D"


def test_smaller_weights_make_smaller_files(models):
    size = {kind: path.stat().st_size for kind, path in models.items()}
    assert size["float16"] < 0.7 * size["none"] and size["dynamic"] < 0.6 * size["none"]


def test_passes_over_shifted_grids_are_in_the_file(tmp_path):
    run = load_run(runs.write(tmp_path / "run", grid_shift=0.25))
    path = tflite.export_tflite(tmp_path / "run", tmp_path / "model.tflite", tflite.Settings(*SIZE))
    image = np.random.default_rng(1).integers(0, 256, (1, *SIZE, 3), dtype=np.uint8)
    network = LiteModel(path)
    assert network.grid_shift == 0.25
    parity.check(network, Predictor(run, SIZE[0]), [image], tflite.TOLERANCES["none"])
    single = tmp_path / "single.tflite"
    tflite.export_tflite(tmp_path / "run", single, tflite.Settings(*SIZE, grid_shift=0.0))
    assert LiteModel(single).grid_shift == 0
    assert single.stat().st_size < path.stat().st_size
    truth = Predictor(run.one_pass(), SIZE[0])
    parity.check(LiteModel(single), truth, [image], tflite.TOLERANCES["none"])


def test_side_file(models):
    document = files.read(models["int8"].with_suffix(".json"))
    assert (document["height"], document["width"], document["quantize"]) == (*SIZE, "int8")
    assert document["calibration_images"] == 6 and document["epoch"] == 2
    assert document["inverse_depth_range"] == [0.005, 0.3]
    assert (
        set(document["outputs"]) == {"inverse_depth", "beta"} == set(document["parity"]["outputs"])
    )


def test_other_sizes_are_resized(models):
    network = open_model(models["none"])
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3)).astype(np.uint8)
    assert network(image).inverse_depth.shape == (50, 70)
    assert network.prepared(image).shape == (*SIZE, 3)
    with pytest.raises(ValueError, match="this tflite cannot tell what moves"):
        network.moving(image)


def test_a_file_of_another_json_is_refused(models, tmp_path):
    shutil.copy(models["none"], tmp_path / "a.tflite")
    shutil.copy(models["dynamic"].with_suffix(".json"), tmp_path / "a.json")
    with pytest.raises(ValueError, match="a.json: is of another file"):
        open_model(tmp_path / "a.tflite")


def test_a_failed_check_leaves_the_old_model(workdir, tmp_path, monkeypatch):
    out = tmp_path / "a.tflite"
    out.write_bytes(b"old")
    monkeypatch.setitem(tflite.TOLERANCES, "dynamic", parity.Tolerance(0.0, 0.0))
    with pytest.raises(ValueError, match="differs from the checkpoint"):
        tflite.export_tflite(workdir, out, tflite.Settings(quantize="dynamic"))
    assert out.read_bytes() == b"old" and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["a.json", "a.md"])
def test_files_beside_it_that_are_not_of_an_export_stay(name, workdir, tmp_path):
    (tmp_path / name).write_text('{"fx": 1}')
    with pytest.raises(ValueError, match=f"--out=.*would replace .*{name}"):
        tflite.export_tflite(workdir, tmp_path / "a.tflite")
    assert (tmp_path / name).read_text() == '{"fx": 1}'
    (tmp_path / name).unlink()
    (tmp_path / "a.json").write_text('{"sha256": "of an earlier export"}')
    (tmp_path / "a.md").write_text("its card")
    assert tflite._foreign(tmp_path / "a.tflite") is None


def test_errors_name_the_flag(workdir, tmp_path):
    for options, word in (
        ({"quantize": "int8"}, "--data_dir"),
        ({"quantize": "int4"}, "--quantize=int4"),
        ({"width": 3}, "--width=3"),
        ({"images": 0}, "--images=0"),
        ({"metres_per_unit": -1.0}, "--metres_per_unit"),
    ):
        with pytest.raises(ValueError, match=word):
            tflite.Settings(**options)
    with pytest.raises(ValueError, match="--out"):
        tflite.export_tflite(workdir, tmp_path / "a.lite")
    with pytest.raises(ValueError, match="--height=3"):
        tflite.export_tflite(workdir, tmp_path / "a.tflite", tflite.Settings(height=3))


def test_command(workdir, tmp_path):
    out = tmp_path / "a.tflite"
    arguments = ("--workdir", workdir, "--out", out, "--quantize=float16", "--checkpoint=2")
    done = commands.run("export.tflite", *arguments)
    assert done.returncode == 0, done.stderr
    assert "inverse_depth: error max" in done.stdout and "MB" in done.stdout
    assert len(done.stderr.splitlines()) < 10, done.stderr  # not the converter's statistics
