"""Names of the cached mask files of a record, shared by their writer and the input pipeline."""

from __future__ import annotations

import tensorflow as tf


def names(fields):
    """DATE/DRIVE/image_0X/FRAME.png of the three frames, string [3], below the masks' directory.

    fields: of a parsed record, see `records.parse`.
    """
    camera = tf.strings.as_string(fields["camera"], width=2, fill="0")
    frames = tf.strings.as_string(fields["frame_ids"], width=10, fill="0")
    folder = tf.strings.join([fields["drive"], "/image_", camera, "/"])
    return tf.strings.join([tf.repeat(folder, 3), frames, tf.repeat(".png", 3)])
