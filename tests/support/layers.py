"""One check for every layer: serialization round trip, and the same outputs after it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def check_layer(layer, *inputs):
    """Calls `layer`, rebuilds it from its config, copies the weights, compares the outputs."""
    first = tf.nest.flatten(layer(*inputs))
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    twin(*inputs)
    twin.set_weights(layer.get_weights())
    for a, b in zip(first, tf.nest.flatten(twin(*inputs))):
        assert a.dtype == tf.float32
        np.testing.assert_allclose(a, b, atol=1e-6)
    return first
