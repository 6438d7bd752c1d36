"""Speed loss: the length of ego-motion is pulled to the distance that the camera traveled.

An addition to the paper. It fixes the scale that photometric losses leave free, so that depth comes
out in meters. The idea is the velocity supervision of PackNet-SfM (Guizilini et al., CVPR 2020,
Eq. 5), | ||t|| - m |. Its gradient has a direction of its own where t is small, and would hold a
motion that starts out backward. Ours has no gradient at t = 0:

    l_v = (m^2 - ||t||^2) / (2 m)    for ||t|| < m
          ||t|| - m                  else

It has the same minimum, zero at ||t|| = m, and the same slopes of 1 and -1 beside it.
"""

from __future__ import annotations

import tensorflow as tf


def speed_loss(translation, distances):
    """l_v of every sample, [B], in meters. Its mean over the samples of all replicas, each with as
    many, is that over their known distances.

    Args:
        translation: t [B, R, 3] from the target to R references, before `depth_scaling`.
        distances: m [B, R] meters traveled from target to reference; 0 or less: unknown, ignored.

    Zero where no distance is known.
    """
    known = distances > 0
    meters = tf.where(known, distances, 1.0)
    square = tf.reduce_sum(translation**2, axis=-1)
    short = square < meters**2
    # sqrt is never taken near 0, where its gradient is infinite.
    length = tf.sqrt(tf.where(short, meters**2, square))
    loss = tf.where(short, (meters**2 - square) / (2 * meters), length - meters)
    weight = tf.cast(known, tf.float32)
    # Samples without distances must not weaken the term in a mixture of data sets.
    share = tf.reduce_sum(weight) / tf.cast(tf.shape(weight)[0], tf.float32)
    replica = tf.distribute.get_replica_context()  # None outside a step, as for a picture
    if replica and replica.num_replicas_in_sync > 1:
        share = replica.all_reduce(tf.distribute.ReduceOp.MEAN, share)
    return tf.math.divide_no_nan(tf.reduce_sum(loss * weight, axis=-1), share)
