"""Shards written by an Apache Beam pipeline instead of threads, to the same bytes.

An element is a shard. Whoever writes it reads the images and writes the file where the paths say,
so every worker needs the raw directory and --out under the same names (a shared file system).
Beam may try an element twice: a shard appears by rename, and a second try gives the same bytes.
"""

from __future__ import annotations

import functools
import pathlib
import shlex
from collections.abc import Callable

from data_prep.dataset import shards as dataset_shards

# After the name of a shard: why it could not be written, for whoever started the pipeline.
_ERROR = ".error.tmp"


def runner(options: str, threads: int) -> Callable[[list[dataset_shards.Shard]], None]:
    """A `run` for write_shards.write. `options`: words for Beam's PipelineOptions; without any,
    `threads` workers of the DirectRunner. ValueError when Beam is not installed."""
    try:
        import apache_beam  # noqa: F401
    except ImportError:
        raise ValueError(
            "--runner=beam needs apache-beam, which has an environment of its own: make setup-beam"
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
    _ = todo | "Write" >> beam.Map(_write)
    pipeline.run().wait_until_finish()
    for shard in shards:
        if (path := _error_path(shard)).exists():
            raise ValueError(path.read_text())


def _write(shard: dataset_shards.Shard) -> None:
    """Writes a shard. What the user must mend is written beside it: raised, Beam would try it four
    times and bury the reason in its own words."""
    try:
        dataset_shards.write_shard(shard)
    except (ValueError, OSError) as error:
        _error_path(shard).write_text(str(error))


def _error_path(shard: dataset_shards.Shard) -> pathlib.Path:
    return shard.path.with_name(shard.path.name + _ERROR)
