"""The depth network of a run as a TensorFlow function of one fixed size, written for the converter.

The positional grid and the focal length are part of it, and it has no variables.
"""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from aquanet_tf.geometry import camera
from aquanet_tf.networks import estimate
from aquanet_tf.runs.run import Run


def frozen(run: Run, height: int, width: int) -> tf.types.experimental.GenericFunction:
    """A function: `image`, uint8 [1, height, width, 3] RGB -> `inverse_depth` and `beta`, float32
    [1, height, width, 1] each. `run.config.grid_shift` decides on one pass or three.

    *Frozen* to constants: on Keras 3 the converter does not find the variables of a model inside a
    tf.Module, and silently writes a model that returns NaN.
    """
    specification = tf.TensorSpec([1, height, width, 3], tf.uint8, name="image")
    infer = tf.function(_infer(run, height, width), input_signature=[specification])
    constant = convert_to_constants.convert_variables_to_constants_v2(infer.get_concrete_function())

    @tf.function(input_signature=[specification])
    def named(image):
        inverse_depth, beta = constant(image)
        return {"inverse_depth": inverse_depth, "beta": beta}

    return named


def _infer(run, height, width):
    """Function of an image that returns inverse depth and beta."""
    u, v = camera.unit_line(width), camera.unit_line(height)
    fx, fy = run.data["focal"]
    config = run.config
    intrinsics = None
    if config.focal_planes:
        k = [[fx * width, 0, 0], [0, fy * height, 0], [0, 0, 1]]
        intrinsics = tf.constant([k], tf.float32)

    def one_pass(image, one, v):
        # Layer by layer: partial sums would add quantization scales, and logits and beta in one
        # tensor would share theirs.
        code = run.aquanet.positional.of_axes(u, v, one, intrinsics)
        logits, beta = run.aquanet.with_code(image, code, rearranged=False)
        # With a fixed beta, one set of levels serves all pixels.
        curve = beta if config.adaptive else one
        if not config.adaptive:
            beta = tf.tile(one, [1, height, width, 1])
        inverse_depth = estimate.decode(
            logits, curve, config.inverse_depth_min, config.inverse_depth_max
        )
        return inverse_depth, beta

    def infer(image):
        image = tf.cast(image, tf.float32) / 255.0
        # One, computed from a pixel: the converter would store what depends on a constant.
        one = tf.minimum(image[:, :1, :1, :1] + 1.0, 1.0)
        inverse_depth, beta = one_pass(image, one, v)
        inverse_depth = estimate.mean_over_grids(
            inverse_depth, lambda shift: one_pass(image, one, v + shift)[0], config.grid_shift
        )
        return inverse_depth, beta

    return infer
