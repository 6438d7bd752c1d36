"""The dense warp on the resampler of tensorflow-addons: a second opinion, `--warp_impl=tfa`.

tensorflow-addons is at its end of life (May 2024) and loads with TensorFlow 2.15 only. It is
imported here alone, and only when the flag asks for it.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers.warp import dense


def warp(target, planes, levels):
    """`ForwardWarp` of a `Target`; arguments as `forward.forward_warp`. ValueError where
    tensorflow-addons cannot be imported."""
    return dense.warp(target, planes, levels, bilinear_sample)


def bilinear_sample(image, x, y):
    """`bilinear.bilinear_sample` by `tfa.image.resampler`: the same arguments and results.

    Raises ValueError where tensorflow-addons cannot be imported.
    """
    try:
        import tensorflow_addons as tfa
    except ImportError as error:
        raise ValueError(
            f"--warp_impl=tfa needs tensorflow-addons, which loads with TensorFlow 2.15 ({error})"
        ) from error
    height, width = image.shape[1], image.shape[2]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    # The resampler fades to zero outside the pixel centers; ours holds the border pixel.
    x = tf.clip_by_value(tf.where(inside, x, tf.zeros_like(x)), 0.0, width - 1.0)
    y = tf.clip_by_value(tf.where(inside, y, tf.zeros_like(y)), 0.0, height - 1.0)
    values = tfa.image.resampler(image, tf.stack([x, y], axis=-1))
    inside = inside[..., None]
    return tf.where(inside, values, tf.zeros_like(values)), inside
