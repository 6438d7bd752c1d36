"""Content of a record, known only here: writer, parser, schema version.

One record is one triplet of frames of one camera:

| field          | type          | meaning                                                        |
|----------------|---------------|----------------------------------------------------------------|
| schema_version | int64         | 2 for a record with distances, 1 for one without               |
| key            | bytes         | DATE/DRIVE/image_0X/FRAME of the target frame                  |
| drive          | bytes         | DATE/DRIVE (any name of the recording)                         |
| camera         | int64         | camera number (KITTI: 2 left, 3 right)                         |
| frame_ids      | int64 [3]     | frame numbers of previous, target, next                        |
| previous       | bytes         | encoded image (JPEG or PNG), RGB uint8 [height, width, 3]      |
| target         | bytes         | the same, the frame whose depth is learned                     |
| next           | bytes         | the same                                                       |
| height, width  | int64         | size of the stored images, pixels                              |
| intrinsics     | float32 [9]   | K row by row, pixels of the stored images, integer centers     |
| distances      | float32 [2]   | meters traveled from the target to previous and next; version 2|

An unknown distance is UNKNOWN. Records of version 1 have none; `parse` gives UNKNOWN for both.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

# The newest version, and all that are read.
SCHEMA_VERSION = 2
READABLE = (1, 2)
UNKNOWN = -1.0
FRAMES = ("previous", "target", "next")
IMAGE_FORMATS = ("jpeg", "png")

_SCALAR_BYTES = tf.io.FixedLenFeature([], tf.string)
_SCALAR_INT = tf.io.FixedLenFeature([], tf.int64)
_FEATURES = {
    "key": _SCALAR_BYTES,
    "drive": _SCALAR_BYTES,
    "camera": _SCALAR_INT,
    "frame_ids": tf.io.FixedLenFeature([3], tf.int64),
    "previous": _SCALAR_BYTES,
    "target": _SCALAR_BYTES,
    "next": _SCALAR_BYTES,
    "height": _SCALAR_INT,
    "width": _SCALAR_INT,
    "intrinsics": tf.io.FixedLenFeature([9], tf.float32),
    "distances": tf.io.FixedLenFeature([2], tf.float32, default_value=[UNKNOWN, UNKNOWN]),
}
_VERSION = {"schema_version": tf.io.FixedLenFeature([], tf.int64, default_value=-1)}


@dataclasses.dataclass(frozen=True)
class Record:
    """The content of a record; fields as in the table above."""

    key: str
    drive: str
    camera: int
    frame_ids: tuple[int, int, int]
    images: tuple[bytes, bytes, bytes]
    height: int
    width: int
    intrinsics: np.ndarray
    distances: tuple[float, float] = (UNKNOWN, UNKNOWN)


def to_example(record: Record) -> bytes:
    """The serialized tf.train.Example of `record`; the same bytes every time.

    A record without any distance is of version 1, byte by byte as earlier versions wrote it.

    Raises ValueError for a K that is not 3x3, finite, with positive focal lengths, and for a
    distance that is neither UNKNOWN nor a finite number from 0 on.
    """
    k = np.asarray(record.intrinsics, np.float32)
    if k.shape != (3, 3) or not np.isfinite(k).all() or k[0, 0] <= 0 or k[1, 1] <= 0:
        raise ValueError(f"{record.key}: not a camera matrix: {k.tolist()}")
    distances = np.asarray(record.distances, np.float32)
    known = distances != UNKNOWN
    if distances.shape != (2,) or not (np.isfinite(distances) & (distances >= 0))[known].all():
        raise ValueError(f"{record.key}: not two distances in meters: {record.distances}")
    features = {
        "schema_version": _ints([SCHEMA_VERSION if known.any() else 1]),
        "key": _bytes(record.key.encode()),
        "drive": _bytes(record.drive.encode()),
        "camera": _ints([record.camera]),
        "frame_ids": _ints(record.frame_ids),
        "height": _ints([record.height]),
        "width": _ints([record.width]),
        "intrinsics": tf.train.Feature(float_list=tf.train.FloatList(value=k.reshape(-1))),
    }
    features.update({name: _bytes(data) for name, data in zip(FRAMES, record.images)})
    if known.any():
        features["distances"] = tf.train.Feature(float_list=tf.train.FloatList(value=distances))
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def parse(serialized) -> dict[str, tf.Tensor]:
    """Parses one serialized record (scalar string tensor); usable inside tf.data.

    Returns the fields of the table by name, `intrinsics` as [3, 3]; images stay encoded.
    tf.errors.InvalidArgumentError when the record is of another schema version.
    """
    version = tf.io.parse_single_example(serialized, _VERSION)["schema_version"]
    check = tf.debugging.assert_equal(
        tf.reduce_any(version == tf.constant(READABLE, tf.int64)),
        True,
        f"record of another schema (this code reads versions up to {SCHEMA_VERSION}): "
        "run the command that wrote the data set again, for example python -m data_prep.kitti",
    )
    # In eager mode assert_equal raises by itself and returns None.
    with tf.control_dependencies([] if check is None else [check]):
        fields = tf.io.parse_single_example(tf.identity(serialized), _FEATURES)
    fields["intrinsics"] = tf.reshape(fields["intrinsics"], [3, 3])
    return fields


def decode(data, image_format: str):
    """uint8 [height, width, 3] of one encoded image; `image_format` is jpeg or png."""
    if image_format == "jpeg":
        return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.io.decode_png(data, channels=3)


def _ints(values) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value) for value in values]))


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
