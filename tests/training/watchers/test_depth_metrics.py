"""Depth metrics during training: the numbers of `aquanet_tf.evaluate`, on chosen frames."""

import pathlib
import shutil
import types

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.config import Config
from aquanet_tf.evaluation import run as evaluation_run
from aquanet_tf.evaluation.settings import Settings
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.runs import load_run
from aquanet_tf.training.watchers import depth_metrics
from tests.support import kitti_tree, runs


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Two drives of three frames; a scan for the first frame of each."""
    return kitti_tree.write_scene(tmp_path_factory.mktemp("scene") / "raw")


def options(scene, **changes):
    return Config(**{"val_gt_dir": str(scene), "epochs": 5, "kickstart_epochs": 0, **changes})


@pytest.mark.parametrize("truth, crop", [("depth", "none"), ("velodyne", "garg")])
def test_the_numbers_are_those_of_evaluate(scene, tmp_path, truth, crop):
    workdir = runs.write(tmp_path / "run", val_gt_dir=str(scene), val_ground_truth=truth)
    run = load_run(workdir)
    frames = depth_metrics.chosen_frames(run.config)
    watcher = depth_metrics.DepthMetrics(run.config, workdir, frames)
    watcher.set_model(types.SimpleNamespace(used_networks=run))
    logs = {"loss": 1.0}
    watcher.on_epoch_end(0, logs)
    settings = Settings(str(workdir), str(scene), depth_metrics.protocol(run.config))
    models = evaluation_run.MeasuredModels(Predictor(run), None)
    document = evaluation_run.run(settings, lambda _: models)
    assert document["protocol"]["crop"] == crop and document["images"] == len(frames)
    assert set(logs) == {"loss", *depth_metrics.COLUMNS}
    for name in ("abs_rel", "rmse_log", "a1"):
        assert logs[f"val_{name}"] == pytest.approx(document["means"]["all"][name], rel=1e-5)


def test_frames_are_spread_over_the_split(scene, tmp_path):
    names = [frame.key for frame in depth_metrics.chosen_frames(options(scene))]
    assert len(names) == 6
    chosen = depth_metrics.chosen_frames(options(scene, val_gt_frames=2))
    assert [names.index(frame.key) for frame in chosen] == [1, 4]
    split = tmp_path / "split.txt"
    split.write_text(f"{kitti_tree.drive_name(2)} 1\n")
    chosen = depth_metrics.chosen_frames(options(scene, val_split=str(split)))
    assert [names.index(frame.key) for frame in chosen] == [4]
    assert depth_metrics.chosen_frames(Config()) == []


def test_it_measures_every_few_epochs_and_the_last(scene, tmp_path):
    config = options(scene, val_gt_every=2)
    watcher = depth_metrics.DepthMetrics(config, runs.write(tmp_path / "run"), [])
    watcher._predictor, measured = object(), []
    watcher.frames = types.SimpleNamespace()
    evaluate = {"network": {"means": {"all": dict.fromkeys(depth_metrics.metrics.METRICS, 0.5)}}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(depth_metrics.evaluation_run, "evaluate", lambda *_: evaluate)
        for epoch in range(5):
            logs = {}
            watcher.on_epoch_end(epoch, logs)
            measured += [epoch] if logs else []
    assert measured == [1, 3, 4]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"val_gt_dir": "gone"}, "--val_gt_dir=gone: "),
        ({"val_split": "gone.txt"}, "gone.txt: no such split file"),
        ({"val_split": "eigen_original"}, "--val_split=eigen_original: .* name a split file"),
    ],
)
def test_what_is_missing_is_named_by_its_flag(scene, changes, message):
    with pytest.raises(ValueError, match=message):
        depth_metrics.chosen_frames(options(scene, **changes))


def test_missing_truth_names_the_flags_of_the_training(scene, tmp_path):
    split = tmp_path / "split.txt"
    split.write_text(f"{kitti_tree.drive_name(1)} 2\n")
    with pytest.raises(ValueError, match=f"--val_split={split}: missing .*0000000002.bin"):
        depth_metrics.chosen_frames(
            options(scene, val_split=str(split), val_ground_truth="velodyne")
        )
    empty = pathlib.Path(kitti_tree.write(tmp_path / "raw"))
    with pytest.raises(ValueError, match="try another --val_ground_truth"):
        depth_metrics.chosen_frames(options(empty))


def test_a_frame_without_ground_truth_is_found_before_the_first_step(scene, tmp_path):
    copy = tmp_path / "raw"
    shutil.copytree(scene, copy)
    truth = depth_metrics.chosen_frames(options(copy))[0].truth
    Image.fromarray(np.zeros_like(np.asarray(Image.open(truth)))).save(truth)
    with pytest.raises(ValueError, match=f"--val_gt_dir={copy}: {truth}: no ground truth is left"):
        depth_metrics.chosen_frames(options(copy))
