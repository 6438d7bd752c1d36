"""The function for the converter: the network of the run, at one size, without variables."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.inference import graph as inference_graph
from aquanet_tf.runs.run import load_run
from export.lite import graph
from tests.support import runs

SIZE = (32, 96)  # that of the run's images


def picture(seed=1, size=SIZE):
    uniform = tf.random.stateless_uniform((1, *size, 3), [seed, 2])
    return tf.cast(uniform * 255, tf.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(runs.write(tmp_path_factory.mktemp("lite") / "run"))


@pytest.fixture(scope="module")
def frozen(run):
    return graph.frozen(run, *SIZE)


def assert_equal_maps(found, expected):
    assert set(found) == set(expected) == {"inverse_depth", "beta"}
    for name, value in expected.items():
        assert found[name].dtype == tf.float32 and found[name].shape == (1, *SIZE, 1)
        np.testing.assert_allclose(found[name], value, rtol=1e-3, err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        {"focal_planes": True},
        {"adaptive": False},
        {"grid_shift": 0.25},
        {"head": "direct", "warp": "backward"},
    ],
    ids=["focal", "fixed", "shifted", "direct"],
)
def test_it_is_the_network_of_the_run(tmp_path, options):
    run = load_run(runs.write(tmp_path / "run", **options))
    found = graph.frozen(run, *SIZE)(picture())
    assert_equal_maps(found, inference_graph.infer(run, picture()))


@pytest.mark.parametrize("value", [0, 1, 255])
def test_the_first_pixel_is_a_pixel_like_others(run, frozen, value):
    """The positional code is multiplied by a one that is computed from it."""
    image = picture().numpy()
    image[0, 0, 0, 0] = value
    assert_equal_maps(frozen(tf.constant(image)), inference_graph.infer(run, image))


def test_it_has_one_size_and_one_type(frozen):
    for bad in (picture(size=(32, 64)), tf.cast(picture(), tf.float32)):
        with pytest.raises((TypeError, ValueError)):
            frozen(bad)


def test_it_has_no_variables(tmp_path):
    """Later weights of the network are not its weights."""
    run = load_run(runs.write(tmp_path / "run"))
    frozen = graph.frozen(run, *SIZE)
    concrete = frozen.get_concrete_function()
    assert not concrete.variables and not concrete.captured_inputs
    before = frozen(picture())["inverse_depth"]
    run.aquanet.set_weights([0.5 * weight for weight in run.aquanet.get_weights()])
    np.testing.assert_array_equal(frozen(picture())["inverse_depth"], before)
    changed = inference_graph.infer(run, picture())["inverse_depth"]
    assert not np.allclose(changed, before, rtol=1e-3)
