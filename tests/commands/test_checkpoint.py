"""--checkpoint reaches the run in everything that reads one."""

import pytest

from aquanet_tf.evaluate import load_models
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.evaluation.settings import Settings
from aquanet_tf.inference import open_model
from export import release, saved_model, tflite
from export.report import build
from tests.support import runs

READERS = {
    "open_model": lambda workdir, out: open_model(workdir, checkpoint="9"),
    "evaluate": lambda workdir, out: load_models(
        Settings(str(workdir), "", Protocol(), checkpoint="9")
    ),
    "saved_model": lambda workdir, out: saved_model.export_saved_model(
        workdir, out / "model", checkpoint="9"
    ),
    "tflite": lambda workdir, out: tflite.export_tflite(workdir, out / "a.tflite", checkpoint="9"),
    "release": lambda workdir, out: release.release(workdir, out / "street", checkpoint="9"),
    "report": lambda workdir, out: build.build(
        workdir,
        {"protocol": {}, "means": {}, "rows": [], "model": {"working_height": 32}},
        checkpoint="9",
    ),
}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.write(tmp_path_factory.mktemp("checkpoint") / "run")


@pytest.mark.parametrize("name", READERS)
def test_a_missing_checkpoint_is_named_with_those_that_exist(workdir, tmp_path, name):
    with pytest.raises(ValueError, match="--checkpoint=9: .* has the checkpoints 2 "):
        READERS[name](workdir, tmp_path)
    assert not list(tmp_path.iterdir())
