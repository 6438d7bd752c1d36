"""Checks of every layer and network: serialization round trip, and the same outputs after it."""

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


def check_saving(model, path, *inputs):
    """Saves a model to a .keras file and loads it without naming its class: equal outputs."""
    expected = model(*inputs)
    model.save(path)
    loaded = tf.keras.models.load_model(path)
    for a, b in zip(tf.nest.flatten(loaded(*inputs)), tf.nest.flatten(expected)):
        np.testing.assert_array_equal(a, b)


def images(*shape, seed=0):
    """Random numbers in [0, 1)."""
    return tf.random.stateless_uniform(shape, [seed, 1])


def assert_equal_sums(values, expected):
    """Equal but for the order of float32 sums of some hundred products."""
    for a, b in zip(values, expected):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())
