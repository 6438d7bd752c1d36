"""A workdir as networks: the depth network at once, PoseNet when somebody asks for it."""

import dataclasses
import shutil
import subprocess
import sys

import numpy as np
import pytest

from aquanet_tf.config import Config
from aquanet_tf.networks import build
from aquanet_tf.runs import Run, load_run
from aquanet_tf.runs import run as runs_run
from aquanet_tf.runs.checkpoint import Checkpoints
from tests.support import runs
from tests.support.commands import ROOT

STREET = ROOT / "pretrained" / "street"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.write(tmp_path_factory.mktemp("runs") / "run")


def saved(workdir, epoch):
    """New networks, saved as the checkpoint of `epoch`."""
    aquanet, posenet = build.build_networks(Config.load(workdir / "config.json"))
    Checkpoints(workdir, {"aquanet": aquanet, "posenet": posenet}, {}).save(epoch)
    return aquanet, posenet


def same(network, other):
    for a, b in zip(network.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_posenet_is_built_when_it_is_asked_for(workdir, monkeypatch):
    built, build_pose_network = [], build.build_pose_network
    monkeypatch.setattr(
        build, "build_pose_network", lambda c: built.append(c) or build_pose_network(c)
    )
    run = load_run(workdir)
    assert run.epoch == 2 and not built
    assert run.posenet is run.posenet and len(built) == 1
    assert isinstance(run, Run)


def test_both_networks_are_of_one_checkpoint(workdir, tmp_path):
    """A training that is still going on may have saved another one in between."""
    copy = shutil.copytree(workdir, tmp_path / "run")
    aquanet, posenet = saved(copy, 3)
    run = load_run(copy)
    saved(copy, 4)
    assert run.epoch == 3
    same(run.aquanet, aquanet)
    same(run.posenet, posenet)
    run = load_run(copy)
    for path in (copy / "checkpoints").glob("ckpt-4.*"):
        path.unlink()
    with pytest.raises(ValueError, match="ckpt-4.index cannot be read .No such file"):
        run.posenet  # noqa: B018


def test_the_working_height_is_the_runs_own_or_that_of_the_images(workdir):
    run = load_run(workdir)
    height, width = run.data["image_height"], run.data["image_width"]
    assert (run.working_height, run.working_width) == (height, width)
    own = dataclasses.replace(run, data={**run.data, "working_height": 2 * height})
    assert (own.working_height, own.working_width) == (2 * height, 2 * width)


def test_half_precision_is_for_training_alone(tmp_path):
    run = load_run(runs.write(tmp_path / "run", mixed_precision="bfloat16"))
    assert run.config.mixed_precision == "bfloat16"
    assert run.aquanet.compute_dtype == run.posenet.compute_dtype == "float32"


def test_a_released_run_has_no_posenet(workdir):
    run = load_run(STREET)
    assert runs_run.is_released(STREET) and run.posenet_checkpoint is None and run.epoch == 34
    with pytest.raises(ValueError, match="the workdir of the training"):
        run.posenet  # noqa: B018
    assert not runs_run.is_released(workdir)
    assert not runs_run.is_released(workdir / "nothing")
    assert dataclasses.replace(run, epoch=1).posenet_checkpoint is None


def test_what_is_read_without_tensorflow():
    code = "import sys; from aquanet_tf.runs import layout, provenance; print(provenance.commit())"
    code += "; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    with pytest.raises(ImportError):
        from aquanet_tf.runs import nothing  # noqa: F401
