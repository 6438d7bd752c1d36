"""Where a training runs: a CPU, the GPUs of one machine, or several machines.

`--strategy=multi_worker` takes the machines from TF_CONFIG, as TensorFlow defines it:

    {"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}

Every worker runs the same command, with its own index. The first (a "chief", where there is one,
else worker 0) alone writes the workdir; the others read it when they start, so it must lie on a
file system that all of them see. The batches are those of a single worker with the same
--batch_size, each worker taking its part of every batch (`input_pipeline.Share`).
"""

from __future__ import annotations

import functools
import json
import os
import zlib
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from aquanet_tf.config.options import Config
from aquanet_tf.data import pipeline

VARIABLE = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Cluster(NamedTuple):
    """Addresses of all workers, the chief first, and which of them this process is."""

    addresses: tuple[str, ...]
    rank: int


def create(options: Config) -> tf.distribute.Strategy:
    """The strategy of a run. First of all: devices and cluster cannot be chosen once TensorFlow
    has run something.

    ValueError for a batch that does not divide by the replicas, a TF_CONFIG that does not fit
    --strategy, workers with different options, or several workers on Keras 3.
    """
    strategy = _several() if options.strategy == "multi_worker" else _this_machine(options)
    if options.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"--batch_size={options.batch_size} must be a multiple of the "
            f"{strategy.num_replicas_in_sync} replicas"
        )
    digest = zlib.crc32(repr(options).encode())
    check_equal(strategy, digest, "the workers were not given the same options; digests")
    return strategy


def parse(text: str) -> Cluster:
    """Reads TF_CONFIG. ValueError says what is wrong with it and shows one that is right."""

    def wrong(what):
        return ValueError(f"{VARIABLE}: {what}. It must look like {_EXAMPLE}")

    if not text.strip():
        raise wrong("not set, and --strategy=multi_worker finds the workers there")
    try:
        document = json.loads(text)
        jobs = {str(job): list(document["cluster"][job]) for job in document["cluster"]}
        kind, index = document["task"]["type"], document["task"]["index"]
    except (ValueError, TypeError, KeyError) as error:
        raise wrong(f"cannot be read ({type(error).__name__}: {error})") from None
    if unknown := sorted(set(jobs) - {"chief", "worker"}):
        raise wrong(f"job {', '.join(unknown)} of the cluster is neither chief nor worker")
    addresses = [address for job in ("chief", "worker") for address in jobs.get(job, [])]
    for address in addresses:
        host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
        if not host or not (port.isdecimal() and 0 < int(port) < 65536):
            raise wrong(f"address {address!r} is not HOST:PORT")
    if len(set(addresses)) != len(addresses):
        raise wrong("an address is named twice")
    if len(jobs.get("chief", [])) > 1:
        raise wrong("more than one chief")
    if kind not in jobs:
        raise wrong(f"task type {kind!r} is no job of the cluster")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(jobs[kind]):
        raise wrong(f"task index {index!r}, but the cluster has {len(jobs[kind])} of {kind!r}")
    before = 0 if kind == "chief" else len(jobs.get("chief", []))
    return Cluster(tuple(addresses), before + index)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the workdir."""
    return not _workers(strategy) or _workers(strategy).rank == 0


def training_data(strategy, options: Config, stretch, masks):
    """`fit`'s data for a `phases.Stretch`: this worker's part of the batches."""

    def make(share=pipeline.WHOLE):
        where = stretch.start, stretch.end, masks, stretch.step
        return pipeline.training_dataset(options, *where, share)

    return _fed(strategy, make)


def validation_data(strategy, options: Config) -> dict:
    """`fit`'s arguments validation_data and validation_steps; none without --val_data_dir."""
    if not options.val_data_dir:
        return {}
    if strategy.num_replicas_in_sync == 1:
        dataset = pipeline.validation_dataset(options, options.val_data_dir)
        return {"validation_data": _plain(dataset)}

    # Full batches: of the last one, if it is small, some replica would get nothing.
    def make(share=pipeline.WHOLE):
        return pipeline.validation_dataset(options, options.val_data_dir, share)

    steps = pipeline.validation_steps(options, options.val_data_dir)
    return {"validation_data": _fed(strategy, make), "validation_steps": steps}


def wait(strategy: tf.distribute.Strategy) -> None:
    """Returns when all workers have come here."""
    _gathered(strategy, 0)


def highest(strategy: tf.distribute.Strategy, number: int) -> int:
    """Waits for all workers; the highest of their numbers, below 2 ** 53."""
    return max(_gathered(strategy, number))


def check_equal(strategy: tf.distribute.Strategy, number: int, complaint: str) -> None:
    """Waits for all workers and compares a number of theirs, below 2 ** 53. ValueError with the
    complaint and the numbers when they differ."""
    numbers = _gathered(strategy, number)
    if len(set(numbers)) > 1:
        raise ValueError(f"{complaint} ({', '.join(map(str, numbers))})")


def explained(error: tf.errors.OpError, options: Config) -> Exception:
    """An error that means that another worker has gone as a ValueError with advice; any other as
    it is."""
    gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
    lost = isinstance(error, gone) or "ollective" in error.message
    if options.strategy != "multi_worker" or not lost:
        return error
    reason = " ".join(error.message.split())[:200]
    return ValueError(
        "another worker has gone; look at its output, then start the same command on all of them "
        f"again, and the run goes on from its last checkpoint ({reason})"
    )


def _this_machine(options):
    """All GPUs, or one CPU, or the CPU split into --replicas logical devices."""
    if _names_several(os.environ.get(VARIABLE, "")):
        raise ValueError(
            f"{VARIABLE} names several workers, and each would train on its own into the same "
            f"workdir: add --strategy=multi_worker, or unset {VARIABLE}"
        )
    gpus = tf.config.list_physical_devices("GPU")
    if options.replicas > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(options.replicas)]
        if tf.config.get_logical_device_configuration(cpu) != parts:
            tf.config.set_logical_device_configuration(cpu, parts)
        return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(options.replicas)])
    if gpus and not options.replicas:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _names_several(text) -> bool:
    """Whether a TF_CONFIG, which need not be meant for us, is of more than one process."""
    try:
        return sum(len(addresses) for addresses in json.loads(text)["cluster"].values()) > 1
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


@functools.cache  # TensorFlow joins a cluster once in a process
def _several():
    cluster = parse(os.environ.get(VARIABLE, ""))
    if not keras.__version__.startswith("2."):
        raise ValueError(
            f"--strategy=multi_worker needs Keras 2 (TensorFlow 2.15): `fit` of Keras "
            f"{keras.__version__} does not support MultiWorkerMirroredStrategy "
            "(github.com/keras-team/keras/issues/20585)"
        )
    logging.info(
        "worker %d of %d: waiting for all of %s",
        cluster.rank,
        len(cluster.addresses),
        ", ".join(cluster.addresses),
    )
    tf.get_logger().setLevel("WARNING")  # it has a line for every collective operation
    return tf.distribute.MultiWorkerMirroredStrategy()


def _workers(strategy) -> Cluster | None:
    """The cluster of a multi-worker strategy, else None."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return parse(os.environ[VARIABLE])
    return None


def _plain(dataset):
    """The batches as `fit` takes them. Every process reads all files, so nothing is left to shard
    automatically (it would only warn); and without the keys, since Keras 3 averages a first batch
    over the replicas and text has no mean."""
    settings = tf.data.Options()
    settings.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = dataset.map(lambda batch: {n: v for n, v in batch.items() if n != "key"})
    return dataset.with_options(settings)


def _fed(strategy, make):
    """make(share), or make() on one machine, where `fit` divides the batches itself."""
    cluster = _workers(strategy)
    if not cluster:
        return _plain(make())
    workers = len(cluster.addresses)
    replicas = strategy.num_replicas_in_sync // workers
    share = pipeline.Share(cluster.rank, workers, replicas)
    return strategy.distribute_datasets_from_function(lambda context: _plain(make(share)))


def _gathered(strategy, number) -> list[int]:
    """The numbers of all workers, in order."""
    cluster = _workers(strategy)
    if not cluster:
        return [number]
    mine = np.zeros(len(cluster.addresses))
    mine[cluster.rank] = number
    return [round(value) for value in _sum(strategy)(tf.constant(mine)).numpy().tolist()]


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
