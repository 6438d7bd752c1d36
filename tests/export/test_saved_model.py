"""The SavedModel stands alone, agrees with the checkpoint, and appears whole or not at all."""

import concurrent.futures
import contextlib
import io
import subprocess
import sys
import threading
import time
import types

import numpy as np
import pytest
from PIL import Image

from tests.support import commands, runs

tf = pytest.importorskip("tensorflow")
from aquanet_tf import files as files_module
from aquanet_tf.inference import graph, loader
from aquanet_tf.inference import saved_model as inference_saved_model
from aquanet_tf.inference.loader import open_model
from aquanet_tf.inference.mask_scores import SpimoScore
from aquanet_tf.inference.saved_model import SavedModel
from aquanet_tf.runs.run import load_run
from export import saved_model
from export.bundle import metadata as bundle_metadata
from export.bundle import parity, warmup

STRANGER = """
import sys
sys.modules["aquanet_tf"] = None  # importing it would now fail
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
data = np.load(sys.argv[2])
out = {}
for key in data.files:
    maps = model.signatures["serving_default"](image=tf.constant(data[key]))
    out.update({f"{key}/{name}": value.numpy() for name, value in maps.items()})
assert "keras" not in type(model).__module__
np.savez(sys.argv[3], **out)
"""

BAD = {"inverse_depth": {"max_error": 2e-4, "mean_error": 1e-9, "outliers": 0.0}}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.write(tmp_path_factory.mktemp("saved") / "run")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run on whole frames: without the signature moving_objects, quicker to export."""
    return runs.write(tmp_path_factory.mktemp("whole") / "run", depth_scaling="none")


@pytest.fixture(scope="module")
def exported(workdir):
    return saved_model.export_saved_model(workdir, workdir.parent / "model")


def test_a_stranger_gets_the_checkpoints_answer(workdir, exported, tmp_path):
    rng = np.random.default_rng(1)
    shapes = {"a": (1, 37, 123), "b": (3, 64, 50), "c": (2, 32, 96)}
    inputs = {k: rng.integers(0, 256, (*s, 3), dtype=np.uint8) for k, s in shapes.items()}
    np.savez(tmp_path / "in.npz", **inputs)
    arguments = [exported, tmp_path / "in.npz", tmp_path / "out.npz"]
    subprocess.run([sys.executable, "-c", STRANGER, *map(str, arguments)], cwd=tmp_path, check=True)
    run = load_run(workdir)
    with np.load(tmp_path / "out.npz") as served:
        for key, image in inputs.items():
            expected = graph.infer(run, tf.constant(image))
            for name in ("inverse_depth", "beta"):
                assert served[f"{key}/{name}"].shape == (*shapes[key], 1)
                np.testing.assert_allclose(
                    served[f"{key}/{name}"], expected[name], rtol=parity.SAME_OPERATIONS.max_error
                )
            np.testing.assert_allclose(
                served[f"{key}/depth"], 1 / expected["inverse_depth"].numpy(), rtol=2e-4
            )


def test_signature_and_weights(workdir, exported):
    loaded = tf.saved_model.load(str(exported))
    signature = loaded.signatures["serving_default"]
    (spec,) = signature.structured_input_signature[1].values()
    assert spec.dtype == tf.uint8 and spec.shape.as_list() == [None, None, None, 3]
    assert set(signature.structured_outputs) == set(bundle_metadata.OUTPUTS)
    run = load_run(workdir)
    stored = sorted(float(tf.reduce_sum(weight)) for weight in loaded.weights)
    kept = sorted(float(tf.reduce_sum(weight)) for weight in run.aquanet.weights)
    assert len(stored) > 30
    np.testing.assert_allclose(stored, kept)


def test_metadata_says_what_it_is(exported):
    metadata = files_module.read(exported / "metadata.json")
    assert metadata["epoch"] == 2 and metadata["working_height"] == 32
    report = metadata["parity"]
    allowed = report["tolerance"]["max_error"]
    assert allowed == parity.SAME_OPERATIONS.max_error and report["images"] == 6
    assert set(report["outputs"]) == set(metadata["outputs"])
    assert all(e["max_error"] <= allowed for e in report["outputs"].values())
    assert set(metadata["outputs"]) == {
        *("inverse_depth", "depth", "beta"),
        *("moving_object_probability", "static_mask"),
    }


def test_moving_objects_are_those_of_the_checkpoint(workdir, exported):
    """As `predict --write=moving` finds them, in the checkpoint and in the export."""
    image = np.random.default_rng(2).integers(0, 256, (37, 123, 3), dtype=np.uint8)
    find = tf.saved_model.load(str(exported)).signatures["moving_objects"]
    maps = {name: value.numpy() for name, value in find(image=image[None]).items()}
    assert set(maps) == set(files_module.read(exported / "metadata.json")["outputs"])
    run = load_run(workdir)
    score = SpimoScore(run)
    ratio = score(image) / score.threshold
    probability = maps["moving_object_probability"][0, ..., 0]
    np.testing.assert_allclose(probability, ratio / (1 + ratio), atol=1e-3)
    sure = np.abs(ratio - 1) > 1e-2  # rounding may decide the rest
    for model in (exported, workdir):
        moving = open_model(model)(image).moving
        assert moving.shape == (37, 123) and 0.01 < moving.mean() < 0.99
        np.testing.assert_array_equal(moving[sure], (ratio >= 1)[sure])
    np.testing.assert_array_equal(maps["static_mask"][0, ..., 0] == 0, probability >= 0.5)


def test_runs_that_cannot_tell_what_moves_have_no_such_signature(whole, tmp_path):
    exported = saved_model.export_saved_model(whole, tmp_path / "model")
    assert set(tf.saved_model.load(str(exported)).signatures) == set(
        inference_saved_model.SIGNATURES
    )
    assert "static_mask" not in files_module.read(exported / "metadata.json")["outputs"]
    with pytest.raises(ValueError, match="this saved_model cannot tell what moves"):
        open_model(exported).moving(np.zeros((8, 8, 3), np.uint8))


def photo(shape=(37, 123), seed=0):
    """A smooth picture, as JPEG likes it."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(shape[::-1], Image.BICUBIC)


def encoded(image, form):
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def test_files_give_the_same_answer_as_their_pixels(exported):
    signatures = tf.saved_model.load(str(exported)).signatures
    files = [encoded(photo(seed=0), "JPEG"), encoded(photo(seed=1), "PNG")]
    pixels = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    expected = signatures["serving_default"](image=tf.constant(np.stack(pixels)))
    found = signatures["serving_bytes"](image_bytes=tf.constant(files))
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5)
    gray = encoded(photo().convert("L"), "PNG")
    assert signatures["serving_bytes"](image_bytes=tf.constant([gray]))["beta"].shape[-1] == 1


def test_files_that_are_no_batch_are_refused(exported):
    serve = tf.saved_model.load(str(exported)).signatures["serving_bytes"]
    good, other = encoded(photo(), "PNG"), encoded(photo((40, 40)), "PNG")
    for files, words in (
        ([good, other], "must have one size"),
        ([good, b"no image"], ""),
        ([good[: len(good) // 2]], ""),
        ([b""], ""),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=words):
            serve(image_bytes=tf.constant(files))


def test_meters_and_warm_up_requests(workdir, tmp_path):
    exported = saved_model.export_saved_model(workdir, tmp_path / "model", metres_per_unit=2.5)
    signatures = tf.saved_model.load(str(exported)).signatures
    maps = signatures["serving_default"](image=np.zeros([1, 20, 30, 3], np.uint8))
    np.testing.assert_allclose(maps["depth_metres"], 2.5 * maps["depth"].numpy(), rtol=1e-6)
    document = files_module.read(exported / "metadata.json")
    assert "depth_metres" in document["outputs"] and document["metres_per_unit"] == 2.5
    pytest.importorskip("tensorflow_serving")
    requests = warmup.read(exported)
    assert len(requests) == document["warmup_requests"] == len(signatures) == 3
    for request in requests:
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        inputs = {name: tf.constant(value) for name, value in inputs.items()}
        maps = signatures[request.model_spec.signature_name](**inputs)
        assert maps["depth"].shape == (1, 32, 96, 1)
    for value in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="--metres_per_unit"):
            saved_model.export_saved_model(workdir, tmp_path / "none", metres_per_unit=value)


def test_a_run_in_meters_needs_no_flag(tmp_path, monkeypatch):
    """The flag wins, 0 too; at another height than that of the training images the scale is
    unknown."""
    workdir, seen = runs.in_meters(runs.write(tmp_path / "run")), []

    def stop(run, height, metres_per_unit):
        seen.append(metres_per_unit)
        raise ValueError("seen enough")

    monkeypatch.setattr(saved_model, "DepthModule", stop)
    for height, given in ((0, None), (0, 2.5), (0, 0.0), (48, None)):
        with pytest.raises(ValueError, match="seen enough"):
            saved_model.export_saved_model(workdir, tmp_path / "model", height, given)
    assert seen == [1.0, 2.5, 0.0, 0.0]


def test_versions_count_up_and_old_ones_stay(whole, tmp_path):
    out = tmp_path / "model"
    (out / "7").mkdir(parents=True)
    (out / "7" / "kept").write_text("x")
    (out / "notes").mkdir()
    assert saved_model.export_saved_model(whole, out, height=48, grid_shift=0.25).name == "8"
    assert SavedModel(out / "8").grid_shift == 0.25
    assert sorted(path.name for path in out.iterdir()) == ["7", "8", "notes"]
    assert (out / "7" / "kept").exists()
    assert (out / "8").stat().st_mode & 0o755 == 0o755


@contextlib.contextmanager
def watched(out, look):
    """Calls `look(newest version)` in a loop, as a server that polls `out` does, from the first
    version on until the block ends; gives the list of version numbers seen, raises what it raised.
    """
    seen, stop = [], threading.Event()

    def loop():
        while not stop.is_set():
            if version := loader.newest_version(out):
                look(version)
                seen.append(int(version.name))
            time.sleep(0.005)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        watching = pool.submit(loop)
        try:
            yield seen
            last = len(seen) + 2  # once more after the last version has appeared
            while len(seen) < last and not watching.done():
                time.sleep(0.01)
        finally:
            stop.set()
        watching.result()


def answers(version):
    """The view of a server: it loads whole, with its metadata, and answers."""
    assert np.isfinite(SavedModel(version).maps(parity.noise()[2])["beta"]).all()
    assert (version / "model_card.md").stat().st_size


def is_whole(version):
    """The same of a file system, at once: every file of an export is there."""
    files = {str(p.relative_to(version)) for p in version.rglob("*") if p.is_file()}
    needed = {"saved_model.pb", "metadata.json", "model_card.md", "variables/variables.index"}
    assert needed <= files and "created_by" in files_module.read(version / "metadata.json")


@pytest.mark.parametrize(
    "look, versions", [(is_whole, 1), pytest.param(answers, 3, marks=pytest.mark.slow)]
)
def test_a_watcher_never_meets_half_a_model(whole, tmp_path, look, versions):
    with watched(tmp_path / "model", look) as seen:
        for _ in range(versions):
            saved_model.export_saved_model(whole, tmp_path / "model")
    assert seen == sorted(seen) and seen[-1] == versions


@pytest.mark.slow
def test_the_watcher_would_notice(whole, tmp_path, monkeypatch):
    """An export that wrote in place, as a plain tf.saved_model.save does, is caught."""
    in_place = tmp_path / "model" / "1"
    in_place.mkdir(parents=True)
    here = types.SimpleNamespace(mkdtemp=lambda **_: str(in_place))
    monkeypatch.setattr(saved_model, "tempfile", here)
    monkeypatch.setattr(saved_model, "_move_to_next_version", lambda temporary, out: temporary)
    with pytest.raises((AssertionError, ValueError)):
        with watched(tmp_path / "model", is_whole):
            saved_model.export_saved_model(whole, tmp_path / "model")


def test_a_failed_check_leaves_nothing(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "compare", lambda *_: BAD)
    with pytest.raises(ValueError, match="differs from the checkpoint"):
        saved_model.export_saved_model(whole, tmp_path / "model")
    assert list((tmp_path / "model").iterdir()) == []


def test_command_errors_are_one_line(tmp_path):
    done = commands.run("export.saved_model", "--workdir", tmp_path / "none", "--out", tmp_path)
    commands.assert_user_error(done, "none", "--workdir")
