"""The cameras that --learn_intrinsics starts from: one for each directory of --data_dir."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from aquanet_tf.config import Config
from aquanet_tf.data import mixture, records


class FirstGuess(NamedTuple):
    """The camera of the first record of `directory`: K [3,3] float64 in pixels of the stored images
    of `width` x `height`."""

    directory: str
    k: np.ndarray
    width: int
    height: int


def read(config: Config) -> list[FirstGuess]:
    """The first guess of every data set of --data_dir."""
    guesses = []
    for data_set in mixture.training_sets(config):
        with tf.device("CPU"):  # as the input pipeline
            fields = records.parse(next(iter(tf.data.TFRecordDataset(data_set.files))))
        k = fields["intrinsics"].numpy().astype(np.float64)
        size = int(fields["width"]), int(fields["height"])
        guesses.append(FirstGuess(str(data_set.directory), k, *size))
    return guesses


def check(config: Config) -> None:
    """ValueError where it is unknown which camera the directories of --val_data_dir have."""
    cameras = len(mixture.directories(config.data_dir))
    validated = len(mixture.directories(config.val_data_dir)) if config.val_data_dir else 0
    if validated and cameras not in (1, validated):
        raise ValueError(
            f"--learn_intrinsics: --val_data_dir={config.val_data_dir} must name {cameras} "
            "directories, with the cameras of --data_dir in the same order"
        )


def one_hot(config: Config, set_index):
    """float32 [sets]: 1 for the camera of the directory number `set_index` of --data_dir or, in the
    same order, of --val_data_dir. With one directory in --data_dir there is one camera for all."""
    cameras = len(mixture.directories(config.data_dir))
    return tf.one_hot(tf.minimum(tf.cast(set_index, tf.int32), cameras - 1), cameras)
