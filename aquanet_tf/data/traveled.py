"""Triplets of data sets with the meters that the camera traveled between their frames."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from aquanet_tf.data import manifest, meters, mixture, records


class Triplet(NamedTuple):
    """One triplet.

    images: previous, target and next frame, uint8 [H, W, 3].
    distances: meters from the target to previous and next; `records.UNKNOWN` where not known.
    """

    images: tuple[np.ndarray, ...]
    distances: tuple[float, ...]


def open_sets(data_dir: str) -> list[mixture.DataSet]:
    """The data sets of --data_dir, verified.

    Raises ValueError that names a data set that is damaged (`manifest.verify`), or in which no
    record has a distance.
    """
    names = mixture.directories(data_dir)
    for name in names:
        if not manifest.read(name).get("distances"):
            raise ValueError(f"--data_dir: no record of {name} has a distance; {meters.PREPARE}")
    return [mixture.DataSet(pathlib.Path(name), manifest.verify(name), 1.0) for name in names]


def spread(sets: list[mixture.DataSet], count: int) -> Iterator[Triplet]:
    """Yields at most `count` triplets that have a distance, evenly spread over `sets`."""
    step = -(-sum(each.info["distances"] for each in sets) // count)
    files = [(file, each.info["image_format"]) for each in sets for file in each.files]
    dataset = tf.data.Dataset.from_tensor_slices(tuple(map(list, zip(*files))))
    dataset = dataset.flat_map(
        lambda file, kind: tf.data.TFRecordDataset(file).map(lambda data: (data, kind))
    )
    dataset = dataset.map(lambda data, kind: (records.parse(data), kind))
    dataset = dataset.filter(lambda fields, kind: tf.reduce_any(fields["distances"] >= 0))
    for fields, kind in dataset.shard(step, 0):
        kind = kind.numpy().decode()
        frames = (records.decode(fields[name], kind).numpy() for name in records.FRAMES)
        yield Triplet(tuple(frames), tuple(fields["distances"].numpy().tolist()))


def without(sets: list[mixture.DataSet]) -> int:
    """The number of triplets of `sets` without any distance."""
    return sum(each.info["count"] - each.info["distances"] for each in sets)
