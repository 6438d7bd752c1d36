"""TODO docstring of aquanet_tf.data.mask_files."""

from __future__ import annotations

import tensorflow as tf


def mask_files(fields):
    """Names of the three frames' mask files, string [3], from a parsed record."""
    camera = tf.strings.as_string(fields["camera"], width=2, fill="0")
    frames = tf.strings.as_string(fields["frame_ids"], width=10, fill="0")
    folder = tf.strings.join([fields["drive"], "/image_", camera, "/"])
    return tf.strings.join([tf.repeat(folder, 3), frames, tf.repeat(".png", 3)])
