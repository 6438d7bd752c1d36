"""The predictor: any size, bounded values, the run's own working height."""

import numpy as np
import pytest
import tiny_run

pytest.importorskip("tensorflow")
from aquanet_tf import predictor  # noqa: E402


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return predictor.load(tiny_run.write(tmp_path_factory.mktemp("run") / "run"))


@pytest.mark.parametrize("shape", [(32, 96), (37, 123), (64, 64), (5, 200)])
def test_maps_have_the_size_of_the_image_and_stay_in_range(network, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    maps = network(image)
    assert maps.inverse_depth.shape == maps.beta.shape == shape
    assert maps.inverse_depth.dtype == np.float32
    assert maps.inverse_depth.min() > 0.0049 and maps.inverse_depth.max() < 0.3001
    assert maps.beta.min() >= 1 / 2.5001 and maps.beta.max() <= 2.5001
    np.testing.assert_array_equal(network(image).inverse_depth, maps.inverse_depth)


def test_working_height(tmp_path):
    workdir = tiny_run.write(tmp_path / "run", height=48)
    assert predictor.load(workdir).height == 48
    assert predictor.load(workdir, 64).height == 64
    with pytest.raises(ValueError, match="--height=3"):
        predictor.load(workdir, 3)


def test_missing_run_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        predictor.load(tmp_path / "nowhere")
