"""TODO docstring of aquanet_tf.layers.warp.tfa_check."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers.warp import dense, planes
from aquanet_tf.layers.warp.levels import ForwardWarp


def bilinear_sample(image, x, y):
    """`sampling.bilinear_sample` by `tfa.image.resampler`: the same arguments and results.

    Raises ValueError where tensorflow-addons cannot be imported.
    """
    try:
        import tensorflow_addons as tfa
    except ImportError as error:
        raise ValueError(
            f"--warp_impl=tfa needs tensorflow-addons, which goes with TensorFlow 2.15 ({error})"
        ) from error
    height, width = image.shape[1], image.shape[2]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    # The resampler fades to zero outside the pixel centers; ours holds the border pixel.
    x = tf.clip_by_value(tf.where(inside, x, tf.zeros_like(x)), 0.0, width - 1.0)
    y = tf.clip_by_value(tf.where(inside, y, tf.zeros_like(y)), 0.0, height - 1.0)
    values = tfa.image.resampler(image, tf.stack([x, y], axis=-1))
    inside = inside[..., None]
    return tf.where(inside, values, tf.zeros_like(values)), inside


def dense_check(image, logits, beta, geometry, masks, spec):
    """`forward_warp` on the independent resampler of tensorflow-addons."""
    pass

    if spec.fixed_point:
        raise ValueError("--warp_impl=tfa knows --beta_lookup=aligned only")
    coordinates, valid = planes.level_coordinates(
        beta, *geometry, spec.levels, spec.inverse_depth_min, spec.inverse_depth_max
    )
    source, channels = tf.concat([image, masks], axis=-1), image.shape[-1]
    mix, occlusion, _ = dense.composite(source, logits, coordinates, valid, bilinear_sample)
    return ForwardWarp(mix[..., :channels], occlusion, tf.stop_gradient(mix[..., channels:]))
