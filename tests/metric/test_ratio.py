"""Meters per unit from depth that is known."""

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.kitti import ground_truth
from aquanet_tf.metric import ratio
from tests.support import kitti_tree


def test_the_scale_of_a_prediction_that_is_right_but_for_its_unit(tmp_path):
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=2, frames=3)
    frames, _ = ground_truth.find_frames(raw, "all", 2, "depth")
    depth = kitti_tree.scene_depth()

    def predicted(image):
        return 2.5 / np.where(depth > 0, depth, 80.0)

    found = ratio.measure(frames, predicted, Protocol())
    assert found["metres_per_unit"] == pytest.approx(2.5, rel=1e-3)
    assert found["used"] == 6 and found["spread"] < 1e-2
    Image.fromarray(np.zeros_like(depth, np.uint16)).save(frames[1].truth)
    found = ratio.measure(frames, predicted, Protocol())
    assert (found["frames"], found["used"]) == (6, 5)
    assert found["left_out"] == {"no ground truth under this protocol": 1}
