"""The SavedModel stands alone, agrees with the checkpoint, and appears whole or not at all."""

import subprocess
import sys

import command
import numpy as np
import pytest
import tiny_run

tf = pytest.importorskip("tensorflow")
from aquanet_tf import checkpoints, inference, json_file  # noqa: E402
from export import saved_model  # noqa: E402

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


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tiny_run.write(tmp_path_factory.mktemp("saved") / "run")


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
    run = checkpoints.load_run(workdir)
    with np.load(tmp_path / "out.npz") as served:
        for key, image in inputs.items():
            expected = inference.infer(run, tf.constant(image))
            for name in ("inverse_depth", "beta"):
                assert served[f"{key}/{name}"].shape == (*shapes[key], 1)
                np.testing.assert_allclose(
                    served[f"{key}/{name}"], expected[name], rtol=saved_model.TOLERANCE
                )
            np.testing.assert_allclose(
                served[f"{key}/depth"], 1 / expected["inverse_depth"].numpy(), rtol=2e-4
            )


def test_signature_and_weights(workdir, exported):
    loaded = tf.saved_model.load(str(exported))
    signature = loaded.signatures["serving_default"]
    (spec,) = signature.structured_input_signature[1].values()
    assert spec.dtype == tf.uint8 and spec.shape.as_list() == [None, None, None, 3]
    assert set(signature.structured_outputs) == set(saved_model.OUTPUTS)
    run = checkpoints.load_run(workdir)
    stored = sorted(float(tf.reduce_sum(weight)) for weight in loaded.weights)
    kept = sorted(float(tf.reduce_sum(weight)) for weight in run.aquanet.weights)
    assert len(stored) > 30
    np.testing.assert_allclose(stored, kept)


def test_metadata_says_what_it_is(exported):
    metadata = json_file.read(exported / "metadata.json")
    assert metadata["epoch"] == 2 and metadata["working_height"] == 32
    agreement = metadata["agreement_with_checkpoint"]
    assert agreement["max_relative_error"] <= agreement["tolerance"] == saved_model.TOLERANCE
    assert set(metadata["outputs"]) == {"inverse_depth", "depth", "beta"}


def test_versions_count_up_and_old_ones_stay(workdir, tmp_path):
    out = tmp_path / "model"
    (out / "7").mkdir(parents=True)
    (out / "7" / "kept").write_text("x")
    (out / "notes").mkdir()
    assert saved_model.export_saved_model(workdir, out, height=48).name == "8"
    assert sorted(path.name for path in out.iterdir()) == ["7", "8", "notes"]
    assert (out / "7" / "kept").exists()
    assert (out / "8").stat().st_mode & 0o755 == 0o755


def test_a_failed_check_leaves_nothing(workdir, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model, "TOLERANCE", -1.0)
    with pytest.raises(ValueError, match="differs from the checkpoint"):
        saved_model.export_saved_model(workdir, tmp_path / "model")
    assert list((tmp_path / "model").iterdir()) == []


def test_command_errors_are_one_line(tmp_path):
    done = command.run("export.saved_model", "--workdir", tmp_path / "none", "--out", tmp_path)
    command.assert_user_error(done, "none", "--workdir")
