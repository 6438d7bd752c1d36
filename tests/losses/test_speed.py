"""The speed loss: its minimum is the distance, unknown ones do not count, t = 0 is harmless."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.losses.speed import speed_loss

meters = st.floats(0.01, 100)


def loss_and_gradient(translation, distances):
    translation = tf.constant(translation, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(translation)
        loss = tf.reduce_mean(speed_loss(translation, tf.constant(distances, tf.float32)))
    return float(loss), tape.gradient(loss, translation).numpy()


def at(length, distance, direction=(0.6, 0.0, 0.8)):
    """Loss and its slope along t, of one reference with ||t|| = length."""
    translation = [[np.multiply(length, direction)]]
    loss, gradient = loss_and_gradient(translation, [[distance]])
    return loss, float(gradient[0, 0] @ direction)


@settings(max_examples=10)
@given(meters, st.floats(0.1, 10))
def test_the_minimum_is_at_the_distance_and_follows_its_scale(distance, scale):
    loss, _ = at(distance, distance)
    assert abs(loss) < 1e-4 * distance
    for length in (0.3, 0.9, 0.999):
        assert at(length * distance, distance)[1] < 0 < at(distance / length, distance)[1]
        scaled, _ = at(scale * length * distance, scale * distance)
        np.testing.assert_allclose(scaled, scale * at(length * distance, distance)[0], rtol=1e-3)


def test_it_is_packnets_loss_above_and_near_the_minimum():
    np.testing.assert_allclose(at(2.5, 1.0), (1.5, 1.0), rtol=1e-6)
    np.testing.assert_allclose(at(0.98, 1.0), (0.02, -0.98), atol=1e-3)


def test_at_rest_it_has_no_gradient():
    loss, gradient = loss_and_gradient(np.zeros((1, 2, 3)), [[1.0, 2.0]])
    np.testing.assert_allclose(loss, 0.75)
    np.testing.assert_array_equal(gradient, 0)


def test_unknown_distances_count_nothing():
    rng = np.random.default_rng(0)
    translation = rng.normal(size=(3, 2, 3))
    known = loss_and_gradient(translation[:1], [[1.0, 2.0]])
    mixed = loss_and_gradient(translation, [[1.0, 2.0], [-1.0, -1.0], [0.0, -1.0]])
    np.testing.assert_allclose(mixed[0], known[0], rtol=1e-6)
    np.testing.assert_allclose(mixed[1][:1], known[1], rtol=1e-5)
    np.testing.assert_array_equal(mixed[1][1:], 0)
    loss, gradient = loss_and_gradient(translation, -np.ones((3, 2)))
    assert loss == 0 and not gradient.any()
