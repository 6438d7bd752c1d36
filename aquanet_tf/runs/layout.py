"""TODO docstring of aquanet_tf.runs.layout."""

from __future__ import annotations

CONFIG_FILE = "config.json"
RUN_FILE = "run.json"
FINISHED, UNFINISHED = "checkpoints", "unfinished"
