"""Random cameras, motions and warp inputs shared by the tests of geometry and layers."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from aquanet_tf.geometry import camera, pose
from aquanet_tf.layers.warp import forward
from aquanet_tf.layers.warp.levels import Levels, Target
from aquanet_tf.layers.warp.planes import Planes


def intrinsics(height, width, batch=1, dtype=np.float64):
    """A driving camera's K, principal point off center: [batch, 3, 3]."""
    k = [[0.6 * width, 0, 0.48 * width], [0, 0.55 * width, 0.46 * height], [0, 0, 1]]
    return np.tile(np.array(k, dtype), (batch, 1, 1))


def warp_inputs(seed=0, batch=2, height=10, width=16, levels=6, motion=None, dtype=tf.float64):
    """(image, logits, beta, R, t, K_target, K_reference) of a small random scene."""
    rng = np.random.default_rng(seed)
    vector = np.array(motion or [0.3, -0.1, 0.8, 0.01, 0.03, -0.02])
    rotation, translation = pose.se3_exp(tf.constant(np.tile(vector, (batch, 1)), dtype))
    k = tf.constant(intrinsics(height, width, batch), dtype)

    def constant(value):
        return tf.constant(value, dtype)

    return [
        constant(rng.random((batch, height, width, 3))),
        constant(2 * rng.normal(size=(batch, height, width, levels))),
        constant(np.exp(0.3 * rng.normal(size=(batch, height, width, 1)))),
        rotation,
        translation,
        k,
        k,
    ]


def warp_arguments(image, logits, beta, rotation, translation, k_target, k_reference, masks=None):
    """What `warp_inputs` returns, as the arguments of a forward warp: target, planes, levels."""
    planes = Planes.between(pose.Motion(rotation, translation), k_target, k_reference)
    return Target(image, logits, beta, masks), planes, Levels(logits.shape[-1])


def forward_warp(*inputs, masks=None, **options):
    """The forward warp of what `warp_inputs` returns."""
    return forward.forward_warp(*warp_arguments(*inputs, masks), **options)


def network_inputs(height, width, batch=2, seed=0):
    """(image, grid, K) as a depth network takes them: random images, seen whole."""
    rng = np.random.default_rng(seed)
    image = tf.constant(rng.random((batch, height, width, 3)), tf.float32)
    grid = tf.repeat(camera.positional_grid(height, width)[None], batch, axis=0)
    k = tf.constant(np.tile(np.diag([20.0, 18.0, 1.0]), (batch, 1, 1)), tf.float32)
    return image, grid, k
