"""--checkpoint reaches the run in everything that reads one."""

import types

import pytest
from PIL import Image

from aquanet_tf import odometry, scale
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
    "tflite": lambda workdir, out: tflite.export_tflite(
        workdir, out / "a.tflite", tflite.Settings(checkpoint="9")
    ),
    "release": lambda workdir, out: release.release(
        workdir, out / "street", release.Settings(checkpoint="9")
    ),
    "report": lambda workdir, out: build.build(
        workdir,
        {
            **{"protocol": {}, "means": {}, "ratio": {}, "rows": [], "images": 0, "camera": 2},
            **{"gt_dir": "", "split": "all", "model": {"epoch": 9, "working_height": 32}},
        },
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


@pytest.mark.parametrize("command", [odometry, scale])
def test_so_do_commands_on_images(workdir, tmp_path, monkeypatch, command):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(2):
        Image.new("RGB", (96, 32)).save(photos / f"{number}.png")
    given = {"workdir": str(workdir), "input": str(photos), "out": str(tmp_path / "out")}
    given.update(gt="", stride=1, fps=10.0, metres_per_unit=None, data_dir="")
    given.update(split="all", ground_truth="depth", crop="none", depth_dir="")
    given.update(camera_height=1.65, gt_dir="", intrinsics="", fov=60.0, pitch=None, height=0)
    given.update(max_frames=5)
    flags = types.SimpleNamespace(**given, checkpoint="9", grid_shift=None)
    monkeypatch.setattr(command.flags, "FLAGS", flags)
    with pytest.raises(ValueError, match="--checkpoint=9: .* has the checkpoints 2 "):
        command.main([])
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
