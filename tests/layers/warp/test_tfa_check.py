"""The resampler of tensorflow-addons, written by others, gives our warp too: Keras 2 stack only."""

import importlib.metadata

import numpy as np
import pytest
import tensorflow as tf

from tests.support.scenes import forward_warp, warp_inputs

keras_2 = importlib.metadata.version("tensorflow").startswith("2.15.")
only_card = pytest.mark.skipif(not keras_2, reason="tensorflow-addons does not load with Keras 3")


@only_card
@pytest.mark.parametrize("motion", [[0.1, 0.05, 0.9, 0, 0.01, 0], [0.3, -0.1, 0.4, 0.1, 0.3, -0.2]])
def test_the_resampler_of_addons_agrees(motion):
    inputs = warp_inputs(motion=motion)
    results = []
    for implementation in ("tfa", "streaming"):
        with tf.GradientTape() as tape:
            tape.watch(inputs[:5])
            warped = forward_warp(*inputs, masks=inputs[0][..., :1], implementation=implementation)
            loss = tf.reduce_sum(warped.view**2)
        results.append([*warped, *tape.gradient(loss, inputs[:5])])
    for got, expected in zip(*results):
        np.testing.assert_allclose(got, expected, atol=1e-9)


@pytest.mark.skipif(keras_2, reason="addons loads here")
def test_elsewhere_the_error_names_the_flag():
    with pytest.raises(ValueError, match="--warp_impl=tfa"):
        forward_warp(*warp_inputs(), implementation="tfa")
