"""Rewrites damaged shards from their sources, to the bytes that were written first."""

from __future__ import annotations

import pathlib

from aquanet_tf.data import manifest
from data_prep.dataset import options


def repair(data_dir: str | pathlib.Path, bad: set[str], commands: dict, threads: int = 1) -> None:
    """Writes the shards named in `bad` again, with the command and arguments of the manifest.

    commands: name of a command -> the module of `layouts` with its `Options` and `prepare`.

    Raises ValueError when the command is not among them, the sources are missing or give other
    bytes than before, or a shard is as it was written (then its sources are wrong).
    """
    info = manifest.read(data_dir)
    arguments = info.get("arguments")
    module = _module(data_dir, arguments, commands)
    before = {entry["name"]: entry for entry in info["shards"]}
    for name in sorted(bad & set(before)):
        if not manifest.compare(data_dir, before[name]):
            raise ValueError(
                f"{data_dir}/{name}: has faults but is exactly as it was written: its sources or "
                f"arguments are wrong; correct them, remove {data_dir} and prepare it again"
            )
    # Whether too many sources are unreadable was decided by the run that wrote the data set.
    others = {"out": str(data_dir), "threads": threads, "max_bad": 1.0}
    # This keeps the shards that are right.
    after = module.prepare(options.options_from(module.Options, arguments, **others))
    for entry in after["shards"]:
        if entry["sha256"] != before[entry["name"]]["sha256"]:
            raise ValueError(
                f"{data_dir}/{entry['name']}: written again, but with other bytes than the first "
                "time, because the sources or the installed versions have changed; the manifest "
                "now describes the new bytes"
            )


def _module(data_dir, arguments, commands: dict):
    command = arguments.get("command") if isinstance(arguments, dict) else None
    if command not in commands:
        raise ValueError(
            f"{data_dir}: written by {command}, which --repair does not know; it repairs data "
            f"sets of {', '.join(sorted(commands))}"
        )
    return commands[command]
