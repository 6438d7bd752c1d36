"""Writes shards by an Apache Beam pipeline instead of threads, with the same bytes.

An element of the pipeline is a shard. Its worker reads the images and writes the file, so every
worker needs the raw directory and --out under the same names (a shared file system). Beam may write
an element twice: a shard appears by rename, and the second attempt writes the same bytes.
"""

from __future__ import annotations

import functools
import pathlib
import shlex
from collections.abc import Callable

from data_prep.dataset import shards as dataset_shards


def runner(options: str, threads: int) -> Callable[[list[dataset_shards.Shard]], None]:
    """A `run` for shards.write, by a Beam pipeline.

    options: Beam's command-line options; empty: the DirectRunner with `threads` workers.
    Raises ValueError when Beam is not installed.
    """
    try:
        import apache_beam  # noqa: F401
    except ImportError:
        raise ValueError(
            "--runner=beam needs apache-beam, which has an environment of its own; create it: "
            "make setup-beam"
        ) from None
    words = shlex.split(options) or [
        "--runner=DirectRunner",
        f"--direct_num_workers={threads}",
        "--direct_running_mode=multi_threading",
    ]
    return functools.partial(_run, words=words)


def _run(shards: list[dataset_shards.Shard], words: list[str]) -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    pipeline = beam.Pipeline(options=PipelineOptions(words))
    # Reshuffle, or runners fuse all shards into one bundle for one worker.
    todo = pipeline | "Shards" >> beam.Create(shards) | beam.Reshuffle()
    _ = todo | "Write" >> beam.Map(write)
    pipeline.run().wait_until_finish()
    for shard in shards:
        if (path := _error_path(shard)).exists():
            raise ValueError(path.read_text())


def write(shard: dataset_shards.Shard) -> None:
    """Writes a shard. An error that the user must fix is written to a file: raised, it would make
    Beam retry four times and hide the reason in its own message."""
    try:
        dataset_shards.write_shard(shard)
    except (ValueError, OSError) as error:
        _error_path(shard).write_text(str(error))


def _error_path(shard: dataset_shards.Shard) -> pathlib.Path:
    return shard.path.with_name(shard.path.name + dataset_shards.ERROR)
