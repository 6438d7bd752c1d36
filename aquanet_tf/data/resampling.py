"""Window of a triplet: mirrored, in the wanted order, resized, cropped, with photometry.

One operation in C++ where it is built (`native.library`), which keeps nothing larger than a row
between decoded bytes and result. Otherwise the functions of `augmentation` one after the other. The
results agree to 4e-5 of the range [0, 1], to 3e-4 with photometry: C++ samples in double precision,
TensorFlow in single.
"""

from __future__ import annotations

import functools

import tensorflow as tf
from absl import logging

from aquanet_tf.data import augmentation
from aquanet_tf.native import library


def triplet(
    frames,
    window: augmentation.Window,
    mirror,
    reverse,
    photometry: augmentation.Photometry | None = None,
    implementation: str = "auto",
):
    """Target [height, width, c] and references [2, height, width, c], float32 in [0, 1].

    Args:
        frames: the three frames in time order, uint8 [h, w, c] each; c is known to the graph.
        window: crop of the resized image.
        mirror, reverse: scalar bool; `mirror` flips the frames left to right before everything
            else, `reverse` swaps the first frame and the last.
        photometry: of three channels; None changes nothing.
        implementation: `native`, `tensorflow`, or `auto`: native where it is built.

    tf.errors.InvalidArgumentError when the frames' sizes differ.
    """
    if implementation == "auto":
        implementation = chosen_implementation()
    compute = _native if implementation == "native" else _tensorflow
    return compute(frames, window, tf.convert_to_tensor(mirror), reverse, photometry)


def _native(frames, window, mirror, reverse, photometry):
    channels = frames[0].shape[-1]
    if photometry is None:
        photometry = augmentation.Photometry(tf.constant(1.0), tf.ones([channels]))
    previous, target, following = frames
    return library.operations().aquanet_resample(
        previous=previous,
        target=target,
        next=following,
        window=tf.stack(window[:4]),
        mirror=mirror,
        reverse=reverse,
        gamma=photometry.gamma,
        gain=photometry.gain,
        height=window.height,
        width=window.width,
        channels=channels,
    )


def _tensorflow(frames, window, mirror, reverse, photometry):
    images = tf.stack(frames)
    images = tf.cond(mirror, lambda: tf.reverse(images, axis=[2]), lambda: images)
    images = augmentation.resize_crop(images, window) / 255.0
    if photometry is not None:
        images = augmentation.apply_photometry(images, photometry)
    return images[1], tf.gather(images, tf.where(reverse, [2, 0], [0, 2]))


@functools.cache
def chosen_implementation() -> str:
    """What `auto` stands for, `native` or `tensorflow`; logged once."""
    if library.available():
        chosen, reason = "native", library.path().name
    else:
        chosen, reason = "tensorflow", "not built: python -m aquanet_tf.native.build"
    logging.info("resampling of frames: %s (%s)", chosen, reason)
    return chosen
