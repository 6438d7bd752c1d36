"""Forward warp of one view, the same numbers in TensorFlow and PyTorch.

A case is a function without arguments that does the work once and waits for its result.
"""

from __future__ import annotations

import numpy as np

from benchmarks.measure import Setting

LIMITS = (0.005, 0.3)  # smallest and largest inverse depth
# Driving forward with a slight turn: most samples stay inside the image, as in training.
_ROTATION_Y, _TRANSLATION = 0.01, (0.05, 0.02, 0.8)


def intrinsics(height: int, width: int) -> np.ndarray:
    """K [3,3] with KITTI's angles of view."""
    fx, fy = 0.58 * width, 1.92 * height
    return np.array([[fx, 0, 0.49 * width], [0, fy, 0.47 * height], [0, 0, 1]], np.float32)


def inputs(setting: Setting) -> list[np.ndarray]:
    """image, logits, beta (channels last), R, t, K and the weights that make the view a loss."""
    rng = np.random.default_rng(setting.seed)
    batch = setting.batch
    shape = (batch, setting.height, setting.width)
    c, s = np.cos(_ROTATION_Y), np.sin(_ROTATION_Y)
    arrays = [
        rng.random((*shape, 3)),
        2 * rng.normal(size=(*shape, setting.levels)),
        np.exp(0.2 * rng.normal(size=(*shape, 1))),
        np.tile([[[c, 0, s], [0, 1, 0], [-s, 0, c]]], (batch, 1, 1)),
        np.tile([_TRANSLATION], (batch, 1)),
        np.tile(intrinsics(setting.height, setting.width)[None], (batch, 1, 1)),
        rng.normal(size=(*shape, 3)),
    ]
    return [array.astype(np.float32) for array in arrays]


def tensorflow_case(setting: Setting, backward: bool):
    """Ours; with `backward`, also the gradients of logits, beta, R and t."""
    import tensorflow as tf

    from aquanet_tf.layers import AdaptiveForwardWarp

    *values, k, weight = (tf.constant(array) for array in inputs(setting))
    # Without a gradient of the image, as in training; the twin's image needs none either.
    layer = AdaptiveForwardWarp(*LIMITS)

    @tf.function
    def run(image, *watched):
        logits, beta, *motion = watched
        if not backward:
            return layer(image, logits, beta, motion, k, k)
        with tf.GradientTape() as tape:
            tape.watch(watched)
            warped = layer(image, logits, beta, motion, k, k)
            loss = tf.reduce_sum(warped.view * weight)
        return warped, tape.gradient(loss, watched)

    return lambda: [value.numpy() for value in tf.nest.flatten(run(*values))]


def torch_case(setting: Setting, backward: bool):
    """The twin: the same inputs and results, channels first."""
    import torch

    from benchmarks.pytorch import twin

    *arrays, k, weight = (torch.from_numpy(array) for array in inputs(setting))
    arrays[:3] = (channels_first(array) for array in arrays[:3])
    weight = channels_first(weight)
    image, *watched = arrays
    for value in watched:
        value.requires_grad_(backward)

    def run():
        view, occlusion = twin.forward_warp(image, *watched, k, k, LIMITS)
        results = [view, occlusion]
        if backward:
            results += torch.autograd.grad((view * weight).sum(), watched)
        return [value.detach().numpy() for value in results]

    return run


def channels_first(value):
    """[...,H,W,C] -> [...,C,H,W], in memory too."""
    return value.movedim(-1, -3).contiguous()
