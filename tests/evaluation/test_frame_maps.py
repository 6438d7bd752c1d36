"""Depth as reports draw it: that of the evaluation, whatever scale the run has."""

import numpy as np
import pytest

from tests.support import kitti_tree, runs

pytest.importorskip("tensorflow")
from aquanet_tf import evaluate, files
from aquanet_tf.evaluation import frame_maps
from aquanet_tf.evaluation import run as evaluation_run
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.evaluation.settings import Settings
from aquanet_tf.inference import checkpoint
from aquanet_tf.kitti import ground_truth
from aquanet_tf.runs.run import load_run

SCALE = {"metres_per_unit": 2.5, "epoch": 2, "working_height": 32, "method": "by hand"}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return kitti_tree.write_scene(tmp_path_factory.mktemp("raw"), drives=1, frames=2)


@pytest.mark.parametrize("alignment", ["median", "none"])
@pytest.mark.parametrize("in_meters", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
def test_errors_are_those_that_were_measured(alignment, in_meters, when, raw, tmp_path):
    """`when`: whether the scale is found before or after the evaluation."""
    workdir = runs.write(tmp_path / "run")
    if in_meters:
        runs.in_meters(workdir)
    if when == "before":
        files.write(workdir / "scale.json", SCALE)
    settings = Settings(str(workdir), str(raw), Protocol(alignment=alignment))
    found = evaluation_run.run(settings, evaluate.load_models)
    if when == "after":
        files.write(workdir / "scale.json", {**SCALE, "metres_per_unit": 7.0})
    network = checkpoint.as_evaluated(load_run(workdir), found)
    frames = {f.key: f for f in ground_truth.find_frames(raw, "all", 2, "depth")[0]}
    for row in found["rows"]:
        drawn = frame_maps.maps(frames[row["frame"]], row, network, settings.protocol)
        assert drawn["error"][drawn["valid"]].mean() == pytest.approx(
            row["all"]["abs_rel"], rel=1e-4
        )
    nearest = frame_maps.nearest([drawn])
    assert nearest == np.percentile(drawn["truth"][drawn["valid"]], 97)
