"""The methods that find a scale: which depth they measure, and whose unit they find."""

import types

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.metric import camera_height, method
from aquanet_tf.runs import load_run
from tests.support import runs

IMAGE = np.random.default_rng(1).integers(0, 256, (32, 104, 3), dtype=np.uint8)


@pytest.fixture
def run(tmp_path):
    """A run whose depth is the mean over three shifted grids."""
    return load_run(runs.write(tmp_path / "moved", width=104, grid_shift=0.25))


def median_ratio(network, other):
    """Of two networks' inverse depth of IMAGE."""
    return float(
        np.median(network.relative(IMAGE).inverse_depth / other.relative(IMAGE).inverse_depth)
    )


def test_a_network_without_its_shifted_grids_is_that_of_the_run_in_one_pass(run):
    network, single = Predictor(run).one_pass(48), Predictor(run.one_pass(), 48)
    assert (network.height, network.grid_shift) == (48, 0.0)
    assert median_ratio(network, single) == 1.0


def test_growth_is_the_depth_that_is_used_over_the_depth_that_ego_motion_fits(run):
    network, single = Predictor(run), Predictor(run.one_pass())
    grown = method.growth(network, run)(IMAGE)
    assert grown == pytest.approx(median_ratio(network, single)) and grown != 1.0
    taller = Predictor(run, 48)
    assert method.growth(taller, run)(IMAGE) == pytest.approx(median_ratio(taller, single))
    assert method.growth(single, run.one_pass())(IMAGE) == 1.0


def test_the_road_is_fitted_to_one_pass_and_the_unit_is_that_of_three(run, tmp_path, monkeypatch):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    three, one = Predictor(run), Predictor(run.one_pass())
    passed = {}

    def measure(frames, depth, camera, height, pitch, used):
        passed.update(depth=depth(IMAGE), growth=np.median(used(IMAGE) / depth(IMAGE)))
        return {}

    monkeypatch.setattr(camera_height, "measure", measure)
    method.ByCameraHeight([tmp_path / "a.png"], 100, None, 1.65, None).measure(three, run)
    np.testing.assert_allclose(passed["depth"], one.relative(IMAGE).inverse_depth)
    assert passed["growth"] == pytest.approx(median_ratio(three, one))


def test_an_image_of_another_aspect_needs_its_camera(run):
    camera = method.training_camera(run.data)
    assert camera.of("a.png", 64, 208).k[0, 0] == pytest.approx(0.5 * 208)
    with pytest.raises(ValueError, match="--intrinsics"):
        camera.of("a.png", 64, 100)


def test_distances_refuse_the_kick_start_before_they_read_a_triplet():
    config = types.SimpleNamespace(kickstart_epochs=2)
    by_distances = method.ByDistances(triplets=None, without=0, ego_motion=None)
    with pytest.raises(ValueError, match="2 epochs .*kick-start"):
        by_distances.measure(None, types.SimpleNamespace(epoch=2, config=config))
