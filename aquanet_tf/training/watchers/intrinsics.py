"""intrinsics.json in a workdir: the camera that --learn_intrinsics has found so far.

A camera file (`cameras.camera_file`) of the first data set; "learned" holds all data sets.
"""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf
from absl import logging

from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.data import first_guess
from aquanet_tf.layers.learned_intrinsics import NAMES, LearnedIntrinsics
from aquanet_tf.runs import history
from aquanet_tf.runs.layout import HISTORY_FILE, INTRINSICS_FILE

# Epochs whose means the spread is taken of.
LAST = 5
# A focal length that moves by more than this share of itself is not settled.
SETTLED = 0.02
# A focal length that is nearer than this to its first guess may be one that images do not show.
FOUND = 0.05
WARNING = (
    "A drive hardly shows its focal length (docs/cameras.md#measured). Do not build on these "
    "numbers without a calibration; relative depth does not need them."
)


class IntrinsicsFile(tf.keras.callbacks.Callback):
    """Writes WORKDIR/intrinsics.json after every epoch that trains the cameras. Put it after
    `runs.history.History`, which holds the epochs of the spread.

    Args:
        workdir: of the run.
        guesses: `data.first_guess.FirstGuess` of every data set.
    """

    def __init__(self, workdir: str | pathlib.Path, guesses: list[first_guess.FirstGuess]):
        super().__init__()
        self.workdir = pathlib.Path(workdir)
        self.guesses = guesses

    def on_epoch_end(self, epoch, logs=None):
        numbers = self.model.cameras.numbers.numpy().astype(np.float64)
        rows = history.read_history(self.workdir / HISTORY_FILE)
        content = document(self.guesses, numbers, rows)
        content["learned"]["epoch"] = epoch + 1
        files.write(self.workdir / INTRINSICS_FILE, content)


def document(guesses, numbers, rows) -> dict:
    """The content of intrinsics.json.

    Args:
        guesses: as `IntrinsicsFile`; numbers: of `LearnedIntrinsics`, [sets,4].
        rows: of history.csv, up to the epoch of the numbers.
    """
    rows = [row for row in rows if row.get("fx_0")][-LAST:]
    sets = []
    for i, (guess, mine) in enumerate(zip(guesses, numbers)):
        first = dict(zip(NAMES, guess.k[[0, 1, 0, 1], [0, 1, 2, 2]].tolist()))
        scale = np.array([first["fx"], first["fy"], guess.width, guess.height])
        value = [*scale[:2] * np.exp(mine[:2]), *(first["cx"], first["cy"]) + scale[2:] * mine[2:]]
        means = np.array([[float(row[f"{name}_{i}"]) for name in NAMES] for row in rows])
        spread = (means.std(axis=0) * scale).tolist() if len(rows) > 1 else [None] * 4
        sets.append(
            {
                "directory": guess.directory,
                **{name: float(v) for name, v in zip(NAMES, value)},
                "width": guess.width,
                "height": guess.height,
                "first_guess": first,
                "spread": dict(zip(NAMES, spread)),
                "numbers": mine.tolist(),
            }
        )
    camera = {name: sets[0][name] for name in (*NAMES, "width", "height")}
    learned = {"sets": sets, "epochs_of_spread": len(rows)}
    return {**camera, "comment": f"{WARNING} {_settled(sets)}", "learned": learned}


def _settled(sets) -> str:
    """How far the focal lengths of the last epochs lie apart, in words."""
    if sets[0]["spread"]["fx"] is None:
        return "Only one epoch has trained them: how well they are determined is not known."
    share = max(each["spread"][name] / each[name] for each in sets for name in ("fx", "fy"))
    words = "settled" if share <= SETTLED else "NOT SETTLED, train longer or at a lower rate"
    text = f"Focal lengths of the last epochs spread by up to {share:.1%}: {words}."
    if np.abs([each["numbers"][:2] for each in sets]).max() < FOUND:
        text += (
            f" They are within {FOUND:.0%} of the first guess: either it was right, or this drive "
            "does not show them. Then points, and meters from the height of the camera, are as "
            "wrong as the guess."
        )
    return text


def of_stage_one(config: Config, layer: LearnedIntrinsics) -> None:
    """Starts the cameras of stage 2 where those of its stage-1 run ended, if that learned those of
    the same data sets; else they start at the first guess, with a warning where there are others.

    Raises ValueError for a damaged file.
    """
    path = pathlib.Path(config.stage1_workdir) / INTRINSICS_FILE
    if config.stage != "2" or not config.stage1_workdir or not path.is_file():
        return
    content = files.read(path)
    try:
        sets = content["learned"]["sets"]
        theirs = [pathlib.Path(each["directory"]).resolve() for each in sets]
        numbers = np.array([each["numbers"] for each in sets], np.float32).reshape(-1, 4)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: damaged ({error}); remove it to start at the K of the records"
        ) from error
    ours = [pathlib.Path(each.directory).resolve() for each in first_guess.read(config)]
    if ours == theirs:
        layer.start(numbers)
    else:
        logging.warning("%s is not used: it is of other data sets than --data_dir", path)
