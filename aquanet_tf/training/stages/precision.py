"""Mixed precision: the backbones in float16 or bfloat16, everything else in float32.

Variables, positional encoding, heads, levels, poses, warps and losses are always float32: the
backbones cast their inputs, and their heads cast back. Gradients in float16 vanish below 6e-8, so
Keras' LossScaleOptimizer scales the loss up; it also skips steps that overflow. bfloat16 has the
range of float32 and needs no scaling.
"""

from __future__ import annotations

import tensorflow as tf


def build_optimizer(variables, learning_rate):
    """Adam with its slots created, so that a checkpoint can be restored into it."""
    optimizer = tf.keras.optimizers.Adam(learning_rate)
    optimizer.build(variables)
    return optimizer


def with_loss_scale(optimizer, variables, config):
    """The optimizer of the variables; with --mixed_precision=float16 wrapped for loss scaling."""
    if config.mixed_precision != "float16":
        return optimizer
    wrapped = tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
    wrapped.build(variables)
    return wrapped


def is_scaled(optimizer) -> bool:
    """Whether the optimizer scales losses, and skips steps that overflow."""
    return isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer)


def scaled(optimizer, loss):
    """The loss to differentiate: times the optimizer's scale, if it has one."""
    if not is_scaled(optimizer):
        return loss
    return optimizer.get_scaled_loss(loss) if _keras_2(optimizer) else optimizer.scale_loss(loss)


def unscaled(optimizer, gradients):
    """Gradients of the loss from gradients of the `scaled` loss."""
    if not is_scaled(optimizer):
        return gradients
    if _keras_2(optimizer):
        return optimizer.get_unscaled_gradients(gradients)
    return [gradient / _keras_3_scale(optimizer) for gradient in gradients]


def apply_gradients(optimizer, gradients, variables):
    """One step of the optimizer with `unscaled` gradients."""
    if is_scaled(optimizer) and not _keras_2(optimizer):
        # Keras 3 divides by the scale in the step itself.
        gradients = [gradient * _keras_3_scale(optimizer) for gradient in gradients]
    optimizer.apply_gradients(zip(gradients, variables))


def _keras_2(optimizer):
    return hasattr(optimizer, "get_unscaled_gradients")


def _keras_3_scale(optimizer):
    return tf.convert_to_tensor(optimizer.dynamic_scale)
