"""The records of an epoch: from which data sets, in which shares, in which order.

`--data_dir=A,B` names directories of records. `--data_weights=0.7,0.3` gives the share of each in
the triplets of an epoch (default: in proportion to their numbers of triplets). Every epoch holds
the shares exactly, up to rounding to whole triplets. Every batch holds them nearly, because the
triplets of a data set are spread evenly over the epoch.
"""

from __future__ import annotations

import pathlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from aquanet_tf.config.fields import parse_weights
from aquanet_tf.config.options import Config
from aquanet_tf.data import manifest

# Records are shuffled in windows of about this many bytes, and at most this many records: memory
# stays bounded.
_SHUFFLE_BYTES = 128 * 1024**2
SHUFFLE_RECORDS = 4096
# Shards read alternately; their order changes every epoch.
_CYCLE = 8
# Folded into the seed, so that order, augmentation and mixture are independent.
ORDER, AUGMENT, MIXTURE = 1, 2, 3


class DataSet(NamedTuple):
    """A directory of records, its manifest (`info`), and its share of an epoch, 0 < share <= 1."""

    directory: pathlib.Path
    info: dict
    share: float

    @property
    def files(self) -> list[str]:
        """Paths of the shards that are not empty."""
        return [str(self.directory / s["name"]) for s in self.info["shards"] if s["count"]]

    def summary(self) -> dict:
        """Its entry in run.json."""
        names = ("count", "image_height", "image_width", "distances")
        found = {name: self.info[name] for name in names if name in self.info}
        return {"directory": str(self.directory), "share": self.share, **found}


def directories(data_dir: str) -> list[str]:
    """'A,B' -> ['A', 'B']. ValueError for an empty name beside a comma; '' is one empty name, which
    `manifest.read` refuses.

    A comma may be part of a path: 'A,B' is one directory where it exists and 'A' or 'B' does not.
    """
    parts, names = data_dir.split(","), []
    while parts:
        used = next((n for n in range(len(parts), 1, -1) if _is_one(parts[:n])), 1)
        names.append(",".join(parts[:used]).strip())
        del parts[:used]
    if len(names) > 1 and not all(names):
        raise ValueError(f"--data_dir={data_dir}: an empty name beside a comma; write DIR_A,DIR_B")
    return names


def _is_one(parts: list[str]) -> bool:
    """Whether parts between commas are one path of a directory, and not a list of directories."""
    separate = all(part.strip() and pathlib.Path(part.strip()).is_dir() for part in parts)
    return not separate and pathlib.Path(",".join(parts).strip()).is_dir()


def training_sets(config: Config) -> list[DataSet]:
    """The data sets of --data_dir with the shares of --data_weights. Reads the manifests, not the
    shards (see `manifest.verify`).

    ValueError when a manifest is missing or damaged, a set is empty beside others, or the numbers
    of directories and weights differ.
    """
    names = directories(config.data_dir)
    infos = [manifest.read(name) for name in names]
    weights = parse_weights(config.data_weights) or [info["count"] for info in infos]
    if len(weights) != len(names):
        raise ValueError(
            f"--data_weights={config.data_weights} has {len(weights)} numbers for the "
            f"{len(names)} directories of --data_dir={config.data_dir}"
        )
    for name, info in zip(names, infos):
        if not info["count"] and len(names) > 1:
            raise ValueError(f"--data_dir: {name} holds no triplets; leave it out or prepare more")
    total = sum(weights) or 1
    shares = [weight / total for weight in weights]
    return [DataSet(pathlib.Path(n), i, s) for n, i, s in zip(names, infos, shares)]


def quotas(shares, samples: int) -> list[int]:
    """How many of `samples` come from each set: shares * samples, rounded so that the sum is kept
    (largest remainders first; of equal ones the first set)."""
    exact = np.asarray(shares, np.float64) * samples
    # The small constant absorbs rounding: 0.3 * 10 must not become 2 and a large remainder.
    whole = np.floor(exact + 1e-6).astype(int)
    order = np.argsort(np.round(whole - exact, 6), kind="stable")
    whole[order[: samples - whole.sum()]] += 1
    return whole.tolist()


def set_indices(numbers: list[int], seed_pair) -> tf.Tensor:
    """int64 [sum(numbers)]: the index of every sample's set; set k has numbers[k] samples.

    The j-th sample of set k is due at (j + phase_k) / numbers[k] of the epoch, with phases drawn
    from `seed_pair` (int64 [2]). Samples are sorted by this time. Any n consecutive samples then
    hold about n * share_k of set k, with an error below 1 + share_k * (number of sets).
    """
    phases = tf.random.stateless_uniform([len(numbers)], seed_pair, dtype=tf.float64)
    due, sets = [], []
    for k, number in enumerate(numbers):
        due.append((tf.range(number, dtype=tf.float64) + phases[k]) / max(number, 1))
        sets.append(tf.fill([number], tf.constant(k, tf.int64)))
    return tf.gather(tf.concat(sets, 0), tf.argsort(tf.concat(due, 0), stable=True))


def epoch_records(config: Config, sets: list[DataSet], epoch, samples: int) -> tf.data.Dataset:
    """The `samples` records of an epoch (an int64 tensor) in order: (serialized record, index
    of its set).

    Depends on its arguments alone, so an epoch can be repeated.
    """
    numbers = quotas([data_set.share for data_set in sets], samples)
    indices = set_indices(numbers, seed(config, MIXTURE, epoch, 0))
    indices = tf.data.Dataset.from_tensor_slices(indices)
    each = [_passes(config, sets, k, epoch, numbers[k]) for k in range(len(sets))]
    return tf.data.Dataset.zip((tf.data.Dataset.choose_from_datasets(each, indices), indices))


def _passes(config: Config, sets, k, epoch, samples) -> tf.data.Dataset:
    """`samples` serialized records of set k, in as many passes over it as needed."""
    passes = tf.data.Dataset.range(-(-samples // sets[k].info["count"]))
    # The pass number differs between sets: sets of equal size must not be shuffled alike.
    ordered = passes.flat_map(
        lambda number: _shuffled(config, sets[k], epoch, number * len(sets) + k)
    )
    return ordered.take(samples)


def _shuffled(config: Config, data_set: DataSet, epoch, number) -> tf.data.Dataset:
    """Serialized records of one pass: shards in random order, alternating, shuffled in windows.

    Not by Dataset.shuffle, whose order depends on TensorFlow's global seed and on earlier calls.
    """
    files, info = data_set.files, data_set.info
    seed_of_pass = seed(config, ORDER, epoch, number)
    shuffle = tf.random.experimental.stateless_shuffle
    bytes_each = max(1, sum(shard["bytes"] for shard in info["shards"]) // info["count"])
    window = max(int(_SHUFFLE_BYTES * data_set.share) // bytes_each, config.batch_size)
    window = min(window, SHUFFLE_RECORDS)
    dataset = tf.data.Dataset.from_tensor_slices(shuffle(tf.constant(files), seed_of_pass))
    dataset = dataset.interleave(
        tf.data.TFRecordDataset,
        cycle_length=min(_CYCLE, len(files)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )

    def in_random_order(index, data):
        # Indices are shuffled, not records, which would need a second window of memory.
        places = shuffle(tf.range(tf.shape(data)[0]), _fold(seed_of_pass, index))
        return tf.data.Dataset.from_tensor_slices(places).map(lambda place: data[place])

    return dataset.batch(window).prefetch(1).enumerate(start=1).flat_map(in_random_order)


def seed(config: Config, purpose: int, epoch, index):
    """Seed, int64 [2], of --seed and the other arguments alone; purpose: ORDER, AUGMENT
    or MIXTURE."""
    start = tf.constant([config.seed, purpose], tf.int64)
    return _fold(_fold(start, epoch), index)


def _fold(start, number):
    return tf.random.experimental.stateless_fold_in(start, number)
