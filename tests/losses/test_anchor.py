"""The anchor loss: what it measures, and what it does not pull."""

import numpy as np
import tensorflow as tf

from aquanet_tf.losses.anchor import anchor_loss


def test_it_is_the_mean_relative_change_of_depth():
    first = np.random.default_rng(0).uniform(0.01, 0.3, (2, 4, 6, 1))
    assert np.abs(anchor_loss(first, first)).max() == 0
    found = anchor_loss(first * [[[[1.1]]], [[[0.5]]]], first)
    np.testing.assert_allclose(found, [np.log(1.1), np.log(2.0)])


def test_the_first_network_gets_no_gradient():
    depth, first = tf.Variable(tf.fill([1, 2, 2, 1], 0.2)), tf.Variable(tf.fill([1, 2, 2, 1], 0.1))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(anchor_loss(depth, first))
    gradients = tape.gradient(loss, [depth, first])
    assert gradients[1] is None and np.all(gradients[0] > 0)
