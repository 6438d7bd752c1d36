"""Where a training runs: a CPU, the GPUs of one machine, or several machines.

`--strategy=multi_worker` reads the machines from TF_CONFIG, see `cluster`. The first worker (the
"chief" if the cluster has one, else worker 0) writes the workdir alone; the others read it at the
start, so it must be on a file system that all of them share. The batches are those of one worker
with the same --batch_size; each worker computes its part of every batch (`data.pipeline.Share`).
"""

from __future__ import annotations

import functools
import os
import zlib

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from aquanet_tf.config.options import Config
from aquanet_tf.data import pipeline
from aquanet_tf.training import cluster
from aquanet_tf.training.cluster import VARIABLE, Cluster


def create(config: Config) -> tf.distribute.Strategy:
    """The strategy of a run. Call it first: devices and cluster cannot be chosen once TensorFlow
    has run an operation.

    ValueError for a batch that does not divide by the replicas, a TF_CONFIG that does not fit
    --strategy, workers with different options, or several workers on Keras 3.
    """
    strategy = _several() if config.strategy == "multi_worker" else _this_machine(config)
    if config.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"--batch_size={config.batch_size} must be a multiple of the "
            f"{strategy.num_replicas_in_sync} replicas"
        )
    digest = zlib.crc32(repr(config).encode())
    check_equal(strategy, digest, "the workers were not given the same options; digests")
    return strategy


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the workdir."""
    return not _workers(strategy) or _workers(strategy).rank == 0


def share(strategy: tf.distribute.Strategy) -> pipeline.Share:
    """This process's part of every batch. On one machine all of it: `fit` divides the batches."""
    workers = _workers(strategy)
    if not workers:
        return pipeline.WHOLE
    count = len(workers.addresses)
    return pipeline.Share(workers.rank, count, strategy.num_replicas_in_sync // count)


def fed(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset):
    """The dataset of this process's `share` as `fit` takes it."""
    settings = tf.data.Options()
    # Every process reads all files: nothing is left to shard, and TensorFlow would warn.
    settings.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    # Keras 3 averages a first batch over the replicas, and text has no mean.
    dataset = dataset.map(lambda batch: {n: v for n, v in batch.items() if n != "key"})
    dataset = dataset.with_options(settings)
    if not _workers(strategy):
        return dataset
    return strategy.distribute_datasets_from_function(lambda context: dataset)


def wait(strategy: tf.distribute.Strategy) -> None:
    """Returns when all workers have called it."""
    gathered(strategy, 0)


def highest(strategy: tf.distribute.Strategy, number: int) -> int:
    """Waits for all workers; the highest of their numbers, below 2 ** 53."""
    return max(gathered(strategy, number))


def check_equal(strategy: tf.distribute.Strategy, number: int, complaint: str) -> None:
    """Waits for all workers and compares their numbers, below 2 ** 53. ValueError with the
    complaint and the numbers when they differ."""
    numbers = gathered(strategy, number)
    if len(set(numbers)) > 1:
        raise ValueError(f"{complaint} ({', '.join(map(str, numbers))})")


def gathered(strategy: tf.distribute.Strategy, number: int) -> list[int]:
    """Waits for all workers; their numbers, below 2 ** 53, in the workers' order."""
    workers = _workers(strategy)
    if not workers:
        return [number]
    mine = np.zeros(len(workers.addresses))
    mine[workers.rank] = number
    return [round(value) for value in _sum(strategy)(tf.constant(mine)).numpy().tolist()]


def explained(error: tf.errors.OpError, config: Config) -> Exception:
    """An error caused by the loss of another worker as a ValueError with advice; any other error
    unchanged."""
    gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
    lost = isinstance(error, gone) or "ollective" in error.message
    if config.strategy != "multi_worker" or not lost:
        return error
    reason = " ".join(error.message.split())[:200]
    return ValueError(
        "another worker has stopped; look at its output, then start the same command on all "
        f"workers again to resume the run from its last checkpoint ({reason})"
    )


def _this_machine(config):
    """All GPUs, or one CPU, or the CPU split into --replicas logical devices."""
    if cluster.names_several(os.environ.get(VARIABLE, "")):
        raise ValueError(
            f"{VARIABLE} names several workers, and each would train on its own into the same "
            f"workdir: add --strategy=multi_worker, or unset {VARIABLE}"
        )
    gpus = tf.config.list_physical_devices("GPU")
    if config.replicas > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(config.replicas)]
        if tf.config.get_logical_device_configuration(cpu) != parts:
            tf.config.set_logical_device_configuration(cpu, parts)
        return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(config.replicas)])
    if gpus and not config.replicas:
        return tf.distribute.MirroredStrategy()
    if gpus:
        tf.config.set_visible_devices([], "GPU")  # the one device asked for is of the CPU
    return tf.distribute.get_strategy()


@functools.cache  # TensorFlow joins a cluster once in a process
def _several():
    workers = cluster.parse(os.environ.get(VARIABLE, ""))
    if not keras.__version__.startswith("2."):
        raise ValueError(
            f"--strategy=multi_worker needs Keras 2 (TensorFlow 2.15): `fit` of Keras "
            f"{keras.__version__} does not support MultiWorkerMirroredStrategy "
            "(github.com/keras-team/keras/issues/20585)"
        )
    logging.info(
        "worker %d of %d: waiting for all of %s",
        workers.rank,
        len(workers.addresses),
        ", ".join(workers.addresses),
    )
    tf.get_logger().setLevel("WARNING")  # it logs every collective operation
    return tf.distribute.MultiWorkerMirroredStrategy()


def _workers(strategy) -> Cluster | None:
    """The cluster of a multi-worker strategy, else None."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return cluster.parse(os.environ[VARIABLE])
    return None


@functools.cache  # traced once: it is called between any two steps
def _sum(strategy):
    """Function, float64 [n] -> the sum over the workers."""
    workers = len(_workers(strategy).addresses)

    def everywhere(mine):
        # The mean over replicas, of which every worker has the same number.
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, mine * workers)

    @tf.function(input_signature=[tf.TensorSpec([workers], tf.float64)])
    def summed(mine):
        return strategy.experimental_local_results(strategy.run(everywhere, (mine,)))[0]

    return summed
