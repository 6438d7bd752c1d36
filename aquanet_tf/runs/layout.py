"""Names of files and directories in a workdir."""

from __future__ import annotations

import pathlib

CONFIG_FILE = "config.json"
RUN_FILE = "run.json"
# The options as a flagfile.
FLAGS_FILE = "flags.txt"
# Losses and metrics of each epoch.
HISTORY_FILE = "history.csv"
# Directories of the checkpoints after whole epochs, and of the one inside an epoch.
FINISHED, UNFINISHED = "checkpoints", "unfinished"
# Directory of the checkpoint that --keep_best keeps.
BEST = "best"
# Meters of one unit of depth, written by `aquanet_tf.scale`.
SCALE_FILE = "scale.json"
# The camera that a run with --learn_intrinsics has found.
INTRINSICS_FILE = "intrinsics.json"
# The validation of a run with --init_from before its first step.
START_FILE = "start.json"


def shipped(name: str) -> pathlib.Path:
    """Directory of a network in `pretrained/` of the repository. An installation from a wheel does
    not have it."""
    return pathlib.Path(__file__).resolve().parents[2] / "pretrained" / name
