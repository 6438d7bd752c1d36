"""The one place that uses tensorflow-addons (end of life since May 2024): a second opinion.

Imported only when `--warp_impl=tfa` asks for it. Card stack only: it does not load with Keras 3.
"""

from __future__ import annotations

import tensorflow as tf

try:
    import tensorflow_addons as tfa
except ImportError as error:
    raise ValueError(
        f"--warp_impl=tfa needs tensorflow-addons, which goes with TensorFlow 2.15 ({error})"
    ) from error


def bilinear_sample(image, x, y):
    """`sampling.bilinear_sample` by `tfa.image.resampler`: the same arguments and results."""
    height, width = image.shape[1], image.shape[2]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    # The resampler fades to zero outside the pixel centres; ours holds the border pixel.
    x = tf.clip_by_value(tf.where(inside, x, tf.zeros_like(x)), 0.0, width - 1.0)
    y = tf.clip_by_value(tf.where(inside, y, tf.zeros_like(y)), 0.0, height - 1.0)
    values = tfa.image.resampler(image, tf.stack([x, y], axis=-1))
    inside = inside[..., None]
    return tf.where(inside, values, tf.zeros_like(values)), inside
