"""Neural positional encoding: serialization, focal planes, and the code of axes alone."""

import numpy as np
import tensorflow as tf

from aquanet_tf.geometry import camera
from aquanet_tf.layers import NeuralPositionalEncoding
from tests.support.layers import check_layer

GRID = camera.positional_grid(6, 8)[None]
K = tf.constant([[[1000.0, 0, 3], [0, 500.0, 2], [0, 0, 1]]])


def test_survives_serialization():
    check_layer(NeuralPositionalEncoding(), GRID)


def test_focal_planes_are_constant():
    code = NeuralPositionalEncoding()(GRID, K)
    assert code.shape == (1, 6, 8, 10)
    np.testing.assert_array_equal(code[..., 8], np.full((1, 6, 8), 0.5))
    np.testing.assert_array_equal(code[..., 9], np.full((1, 6, 8), 0.25))


def test_the_code_of_axes_is_that_of_their_grid():
    layer = NeuralPositionalEncoding()
    for intrinsics in (None, K):
        expected = layer(GRID, intrinsics)
        axes = camera.unit_line(8), camera.unit_line(6)
        got = layer.of_axes(*axes, tf.ones([1, 1, 1, 1]), intrinsics)
        np.testing.assert_allclose(got, expected, atol=1e-6)
