"""One check for every layer: serialization round trip, and the same outputs after it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def check_layer(layer, *inputs):
    """Calls `layer`, has Keras rebuild it from its registered name and its config, copies the
    weights and compares the outputs."""
    first = tf.nest.flatten(layer(*inputs))
    # By the registered name: nobody has to say which class it is.
    twin = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
    assert type(twin) is type(layer)
    assert twin.get_config() == layer.get_config()
    twin(*inputs)
    twin.set_weights(layer.get_weights())
    for a, b in zip(first, tf.nest.flatten(twin(*inputs))):
        assert a.dtype == tf.float32
        np.testing.assert_allclose(a, b, atol=1e-6)
    return first
