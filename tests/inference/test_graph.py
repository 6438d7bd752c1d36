import types

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.inference import graph as inference_graph
from aquanet_tf.networks import estimate as networks_estimate
from aquanet_tf.networks import post_processing
from aquanet_tf.runs.run import load_run
from tests.support import runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(runs.write(tmp_path_factory.mktemp("inference") / "run"))


def test_working_size_keeps_the_aspect():
    assert inference_graph.working_size(375, 1242, 192) == (192, 636)
    assert inference_graph.working_size(1000, 10, 64) == (64, 16)


@pytest.mark.parametrize("shape", [(1, 32, 96), (2, 37, 75), (1, 100, 33)])
def test_any_size_and_batch(run, shape):
    image = tf.cast(tf.random.stateless_uniform((*shape, 3), [1, 2]) * 255, tf.uint8)
    out = inference_graph.infer(run, image)
    for name in ("inverse_depth", "beta"):
        assert out[name].shape == (*shape, 1)
    assert 0.005 <= out["inverse_depth"].numpy().min() <= out["inverse_depth"].numpy().max() <= 0.3


def test_uint8_and_float_agree(run):
    image = tf.cast(tf.random.stateless_uniform((1, 32, 96, 3), [1, 2]) * 255, tf.uint8)
    both = [
        inference_graph.infer(run, x)["inverse_depth"]
        for x in (image, tf.cast(image, tf.float32) / 255)
    ]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-6)


def test_graph_with_unknown_size_equals_eager(run):
    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    graph = tf.function(lambda x: inference_graph.infer(run, x), input_signature=signature)
    image = tf.cast(tf.random.stateless_uniform((2, 41, 90, 3), [3, 2]) * 255, tf.uint8)
    np.testing.assert_allclose(
        graph(image)["inverse_depth"], inference_graph.infer(run, image)["inverse_depth"], rtol=1e-4
    )


def test_a_workdir_without_a_run_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere: no such directory"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="config.json: no such file"):
        load_run(tmp_path)
    (tmp_path / "a.tflite").write_bytes(b"x")
    with pytest.raises(ValueError, match="a.tflite: a file, not the directory of a run"):
        load_run(tmp_path / "a.tflite")


def test_a_run_without_a_checkpoint_is_named(tmp_path):
    import shutil

    workdir = runs.write(tmp_path / "run")
    shutil.rmtree(workdir / "checkpoints")
    with pytest.raises(ValueError, match="no checkpoint yet"):
        load_run(workdir)


@pytest.mark.parametrize("how", ["none", "flip"])
def test_grid_shift_is_the_mean_over_shifted_grids(tmp_path, how):
    run = load_run(runs.write(tmp_path / "run", grid_shift=0.25))
    image = tf.cast(tf.random.stateless_uniform((2, 32, 96, 3), [1, 2]) * 255, tf.uint8)
    found = inference_graph.infer(run, image, post_processing=how)
    plain = networks_estimate.of_network(run.aquanet, run.config)
    estimate = post_processing.post_processed(plain, how)
    resized, grid, k = inference_graph.network_inputs(run, image)
    passes = [estimate(resized, grid + tf.constant([0.0, v]), k) for v in (0.0, -0.25, 0.25)]
    np.testing.assert_allclose(found["inverse_depth"], np.mean(passes, axis=0), rtol=1e-5)
    assert np.std(passes, axis=0).max() > 0.01 * np.mean(passes), "nothing depends on the grid"
    _, beta = run.aquanet(resized, grid, k)
    np.testing.assert_allclose(found["beta"], beta, rtol=1e-5)


@pytest.mark.parametrize("how, passes", [("none", 1), ("flip", 2), ("multi_scale", 3)])
def test_no_pass_is_computed_twice(run, how, passes):
    calls = []

    def aquanet(*inputs):
        calls.append(inputs)
        return run.aquanet(*inputs)

    counted = types.SimpleNamespace(
        config=run.config, data=run.data, working_height=run.working_height, aquanet=aquanet
    )
    image = tf.cast(tf.random.stateless_uniform((1, 32, 96, 3), [1, 2]) * 255, tf.uint8)
    found = inference_graph.infer(counted, image, post_processing=how)
    assert len(calls) == passes
    plain = networks_estimate.of_network(run.aquanet, run.config)
    estimate = post_processing.post_processed(plain, how, run.config.depth_scaling)
    expected = estimate(*inference_graph.network_inputs(run, image))
    np.testing.assert_allclose(found["inverse_depth"], expected, rtol=1e-5)
