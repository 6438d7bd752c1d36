"""Images of a data set as uint8 batches of one, for quantization and for comparisons."""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf

from aquanet_tf import progress
from aquanet_tf.data import manifest, records


def batches(data_dir: str, height: int, width: int, count: int) -> list[np.ndarray]:
    """Target frames, evenly spread over the data set and resized: uint8 [1, height, width, 3] each.

    Returns at most `count` images. Raises ValueError when the data set is empty or does not match
    its manifest.
    """
    info = manifest.verify(data_dir)
    if not info["count"]:
        raise ValueError(f"--data_dir={data_dir}: holds no triplets")
    files = [str(pathlib.Path(data_dir) / shard["name"]) for shard in info["shards"]]
    count = min(count, info["count"])
    chosen = tf.range(count, dtype=tf.int64) * info["count"] // count
    batches = []
    dataset = tf.data.TFRecordDataset(files).enumerate()
    dataset = dataset.filter(lambda number, _: tf.reduce_any(number == chosen))
    dataset = dataset.map(lambda _, data: data).take(count)
    for data in progress.bar(dataset, desc="calibration", unit="image", delay=10):
        image = records.decode(records.parse(data)["target"], info["image_format"])
        resized = tf.image.resize(image, [height, width], antialias=True)
        batches.append(np.round(np.clip(resized.numpy(), 0, 255)).astype(np.uint8)[None])
    return batches
