"""A triplet's window at once: mirrored, in the order wanted, resized, cropped, with photometry.

One operation in C++ where it is built (`native_library`): it reads the decoded bytes and writes the
batch's numbers, with nothing in between that is larger than a row. Otherwise the functions of
`augment` one after the other, to 1e-4 of a gray level's range the same (the C++ places its samples
in double precision, TensorFlow in single).
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
):
    """Target [height, width, c] and references [2, height, width, c], float32 in [0, 1].

    Args:
        frames: the three frames in time order, uint8 [h, w, c] each; c is known to the graph.
        window: crop of the resized image, mirrored before where `mirror` says so.
        mirror, reverse: scalar bool; `reverse` swaps the first frame and the last.
        photometry: of three channels; None changes nothing.

    tf.errors.InvalidArgumentError when the frames' sizes differ.
    """
    compute = _native if _implementation() == "native" else _tensorflow
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
def _implementation() -> str:
    """`native` or `tensorflow`; says so once in the log."""
    if library.available():
        chosen, reason = "native", library.path().name
    else:
        chosen, reason = "tensorflow", "not built: python -m aquanet_tf.native.build"
    logging.info("resampling of frames: %s (%s)", chosen, reason)
    return chosen
