"""The predictor: any size, bounded values, the run's own working height."""

import json

import numpy as np
import pytest

from tests.support import runs

pytest.importorskip("tensorflow")
from aquanet_tf.inference import checkpoint
from aquanet_tf.inference.mask_scores import AutoMaskScore, SpimoScore
from aquanet_tf.runs.run import load_run


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return checkpoint.load(runs.write(tmp_path_factory.mktemp("run") / "run"))


@pytest.mark.parametrize("shape", [(32, 96), (37, 123), (64, 64), (5, 200)])
def test_maps_have_the_size_of_the_image_and_stay_in_range(network, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    maps = network(image)
    assert maps.inverse_depth.shape == maps.beta.shape == shape
    assert maps.inverse_depth.dtype == np.float32
    assert maps.inverse_depth.min() > 0.0049 and maps.inverse_depth.max() < 0.3001
    assert maps.beta.min() >= 1 / 2.5001 and maps.beta.max() <= 2.5001
    np.testing.assert_array_equal(network(image).inverse_depth, maps.inverse_depth)


def test_a_run_in_meters_predicts_meters_at_its_own_height(tmp_path, network):
    workdir = runs.in_meters(runs.write(tmp_path / "run"))
    metric, image = checkpoint.load(workdir), picture()
    assert metric(image).unit == metric.relative(image).unit == "meters"
    np.testing.assert_array_equal(metric(image).depth, network(image).depth)
    assert network(image).unit == "relative"
    assert checkpoint.load(workdir, height=16)(image).unit == "relative"


def picture(shape=(37, 123), seed=0):
    return np.random.default_rng(seed).integers(0, 255, (*shape, 3)).astype(np.uint8)


@pytest.mark.parametrize("how", ["flip", "multi_scale"])
def test_post_processing(tmp_path, network, how):
    workdir = runs.write(tmp_path / "run")
    processed = checkpoint.load(workdir, post_processing=how)
    image = picture()
    value = processed(image)
    assert value.inverse_depth.shape == image.shape[:2] and (value.inverse_depth > 0).all()
    plain = checkpoint.load(workdir)
    np.testing.assert_allclose(value.beta, plain(image).beta, rtol=1e-5)
    assert not np.allclose(value.inverse_depth, plain(image).inverse_depth, rtol=1e-3)
    if how == "flip":  # the mean of both sides does not know which side it saw
        mirrored = processed(image[:, ::-1]).inverse_depth[:, ::-1]
        np.testing.assert_allclose(value.inverse_depth, mirrored, rtol=1e-3)


def test_spimo_score(tmp_path):
    top = runs.write(tmp_path / "top", spimo_ignore_top=0.0, spimo_threshold=0.1)
    run = load_run(top)
    score = SpimoScore(run)
    value = score(picture())
    assert score.threshold == 0.1 and value.shape == (37, 123) and value.dtype == np.float32
    assert not value[:17].any() and value[22:].min() > 0


def test_automask_score(tmp_path):
    run = load_run(runs.write(tmp_path / "run"))
    score = AutoMaskScore(run)
    frames = [picture(seed=seed) for seed in (0, 1, 2)]
    k = np.array([[60.0, 0, 61], [0, 60.0, 18], [0, 0, 1]])
    value = score(frames, k)
    assert value.shape == (37, 123) and np.isfinite(value).all()
    # A picture that stands still is explained by standing still: all of it counts as moving.
    assert (score([frames[1]] * 3, k) >= score.threshold).all()


def test_moving_is_where_the_score_reaches_its_threshold(tmp_path):
    run = load_run(runs.write(tmp_path / "run"))
    score = SpimoScore(run)
    moving = checkpoint.Predictor(run)(picture()).moving
    assert moving.dtype == bool and 0.01 < moving.mean() < 0.99
    np.testing.assert_array_equal(moving, score(picture()) >= score.threshold)


def test_a_run_that_has_not_learned_what_moves_warns(tmp_path):
    network = checkpoint.load(runs.write(tmp_path / "run", depth_scaling="none"))
    prediction = network(picture())
    with pytest.warns(UserWarning, match="stage-1 run"):
        assert prediction.moving.shape == (37, 123)


def test_working_height(tmp_path):
    workdir = runs.write(tmp_path / "run", height=48)
    assert checkpoint.load(workdir).height == 48
    assert checkpoint.load(workdir, 64).height == 64
    with pytest.raises(ValueError, match="--height=3"):
        checkpoint.load(workdir, 3)
    record = json.loads((workdir / "run.json").read_text())
    record["data"]["working_height"] = 32  # of --working_height
    (workdir / "run.json").write_text(json.dumps(record))
    assert checkpoint.load(workdir).height == 32
    assert checkpoint.load(workdir, 64).height == 64
    own, asked = checkpoint.load(workdir), checkpoint.load(workdir, 32)
    np.testing.assert_array_equal(own(picture()).inverse_depth, asked(picture()).inverse_depth)


def test_missing_run_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        checkpoint.load(tmp_path / "nowhere")
