"""Anchor loss: depth stays near that of the network a run began with. Ours, not the paper's.

A short drive can be explained by a wrong depth: where all that is near moves with the camera, by
one that is infinite. The network that the run began with knows better.
"""

from __future__ import annotations

import tensorflow as tf


def anchor_loss(inverse_depth, first):
    """Mean over all pixels of |ln D - ln D_first|, [B]: 0.1 is a depth that is 10 % off.

    Args:
        inverse_depth: D [B,H,W,1], above 0.
        first: inverse depth [B,H,W,1] by the network as it was at first; gets no gradient.
    """
    change = tf.math.log(inverse_depth) - tf.math.log(tf.stop_gradient(first))
    return tf.reduce_mean(tf.abs(change), axis=[1, 2, 3])
