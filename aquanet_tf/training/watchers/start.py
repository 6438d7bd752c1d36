"""start.json in a workdir: what validation says of a run with --init_from before its first step.

Without it nobody could tell whether training went on from there to something better.
"""

from __future__ import annotations

import pathlib

from absl import logging

from aquanet_tf import files
from aquanet_tf.runs.layout import START_FILE


def measure(stage, validation: dict, workdir: pathlib.Path, chief: bool) -> None:
    """Validates the weights as they are and writes every mean by its name (`val_...`).

    Args:
        stage: of the last phase, compiled.
        validation: `fit`'s arguments validation_data and validation_steps.
        chief: whether this worker writes.
    """
    values = stage.evaluate(
        validation["validation_data"],
        steps=validation["validation_steps"],
        return_dict=True,
        verbose=0,
    )
    means = {f"val_{name}": float(value) for name, value in values.items()}
    if chief:
        files.write(workdir / START_FILE, means)
    logging.info("before the first step: validation loss %.4g", means["val_loss"])
