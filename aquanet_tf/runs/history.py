"""history.csv: what every epoch of a run measured."""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Callable, Iterable

import tensorflow as tf

from aquanet_tf import files


class History(tf.keras.callbacks.Callback):
    """Writes one row per epoch to workdir/history.csv: epoch, phase, learning rate, every mean.

    When a resumed run repeats an epoch, the new row replaces the old one, so the file holds each
    epoch once. Columns that a phase does not have stay empty.

    Args:
        path: the file.
        phase: name written to each row.
        rate: function, epoch -> learning rate.
        columns: names of the means of all phases.
    """

    def __init__(
        self,
        path: str | pathlib.Path,
        phase: str,
        rate: Callable[[int], float],
        columns: Iterable[str],
    ):
        super().__init__()
        self.path = pathlib.Path(path)
        self.phase = phase
        self.rate = rate
        self.columns = ["epoch", "phase", "learning_rate", *columns]

    def on_epoch_end(self, epoch, logs=None):
        row = {name: f"{float(value):.6g}" for name, value in (logs or {}).items()}
        row.update(epoch=epoch, phase=self.phase, learning_rate=f"{self.rate(epoch):.6g}")
        rows = [old for old in read_history(self.path) if int(old["epoch"]) < epoch] + [row]
        with files.atomic(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)


def read_history(path: str | pathlib.Path) -> list[dict[str, str]]:
    """Rows of a history file, column -> text; none if there is no file yet."""
    path = pathlib.Path(path)
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
