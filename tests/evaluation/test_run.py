"""The document of an evaluation: which images it counts, and what it remembers of its inputs."""

import types

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.evaluation import run, table
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.evaluation.settings import Settings
from tests.support import kitti_tree


class Network:
    """Sees the scene as it is, whatever the image."""

    epoch, height, grid_shift, metres_per_unit = 2, 32, 0.0, None

    def __call__(self, image):
        depth = kitti_tree.scene_depth()
        return types.SimpleNamespace(inverse_depth=1 / np.where(depth > 0, depth, 80.0))


class Masks:
    """Calls all of the first image moving, and nothing of the others."""

    def __init__(self):
        self.calls = 0

    def static(self, image):
        self.calls += 1
        return np.full(image.shape[:2], self.calls > 1)


def measured(raw, **options):
    settings = Settings("run", str(raw), Protocol(**options))
    return run.run(settings, lambda settings: run.MeasuredModels(Network(), Masks()))


@pytest.fixture
def raw(tmp_path):
    """Two drives of three frames; the second depth map of the first drive is empty."""
    raw = kitti_tree.write_scene(tmp_path / "raw")
    drive = raw / kitti_tree.drive_name(1)
    (path,) = drive.glob("proj_depth/**/0000000001.png")
    Image.fromarray(np.zeros(kitti_tree.SCENE_SHAPE, np.uint16)).save(path)
    return raw


@pytest.mark.parametrize("alignment", ["median", "global_median"])
def test_an_image_without_valid_ground_truth_is_left_out_and_counted(raw, alignment):
    document = measured(raw, alignment=alignment)
    assert (document["images"], document["images_left_out"]) == (5, 1)
    assert document["images_without_ground_truth"] == 0
    assert document["means"]["all"]["images"] == 5
    words = "5 images; 0 more have no ground truth; 1 without ground truth under this protocol left"
    assert words in table.text(document)


def test_an_image_that_the_masks_leave_empty_is_counted_too(raw):
    document = measured(raw, static_only=True)
    assert (document["images"], document["images_left_out"]) == (4, 2)


def test_no_image_left_is_an_error(raw):
    for alignment in ("median", "global_median"):
        with pytest.raises(ValueError, match="0.png: no ground-truth pixel .* 6 images"):
            measured(raw, alignment=alignment, max_depth=0.5)


def test_the_folder_of_annotated_depth_is_remembered(tmp_path, monkeypatch):
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=1)
    drive = raw / kitti_tree.drive_name(1)
    assert measured(raw)["depth_dir"] == ""
    (tmp_path / "depth" / "train" / drive.name).mkdir(parents=True)
    (drive / "proj_depth").rename(tmp_path / "depth" / "train" / drive.name / "proj_depth")
    monkeypatch.chdir(tmp_path)
    settings = Settings("run", str(raw), Protocol(), depth_dir="depth")
    document = run.run(settings, lambda settings: run.MeasuredModels(Network(), Masks()))
    assert document["depth_dir"] == str(tmp_path / "depth") and document["images"] == 3
