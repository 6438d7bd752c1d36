"""`open_model`: from a path to a function of images.

| path                                  | form                                                     |
|---------------------------------------|----------------------------------------------------------|
| workdir of a run, or a released run   | its newest checkpoint, or `checkpoint`                   |
| SavedModel version, or the directory  | that version, or the newest one in the directory         |
|   of its numbered versions            |                                                          |
| FILE.tflite with FILE.json beside it  | ai-edge-litert where it is installed, else tf.lite       |

TensorFlow is imported for the first two only: a .tflite file runs with ai-edge-litert alone.
"""

from __future__ import annotations

import pathlib

from aquanet_tf.inference.network import Network
from aquanet_tf.inference.saved_model import SavedModel
from aquanet_tf.inference.tflite import LiteModel
from aquanet_tf.runs.layout import CONFIG_FILE


def open_model(
    path: str | pathlib.Path,
    height: int = 0,
    checkpoint: str = "newest",
    grid_shift: float | None = None,
) -> Network:
    """Opens the model at `path`, see the table above; `help` of the result says what it offers.

        >>> from aquanet_tf.media import images
        >>> model = open_model("pretrained/street")
        >>> model
        <Predictor: checkpoint of epoch 34, working height 64, depth relative>
        >>> prediction = model(images.read_image("pretrained/street/example.png"))
        >>> prediction.inverse_depth.shape, prediction.inverse_depth.dtype
        ((96, 312), dtype('float32'))

    Args:
      path: a run, a SavedModel, or a .tflite file.
      height: working height in pixels, for runs only; 0: that of the run. Exports have
        theirs built in.
      checkpoint: of a run: newest, best (with --keep_best), or a number of finished epochs.
      grid_shift: of a run: depth is the mean of three passes with positional grids shifted by this
        (2 is the height of the image); 0: one pass, three times as fast; None: the run's own.

    Raises ValueError that names the path when there is no model, or a damaged one.
    """
    path = pathlib.Path(path)
    if path.suffix == ".tflite" or (version := newest_version(path)):
        if height:
            raise ValueError(f"--height={height}: {path} has its working height built in")
        if grid_shift is not None:
            raise ValueError(f"--grid_shift={grid_shift:g}: {path} has its passes built in")
        if checkpoint != "newest":
            raise ValueError(f"--checkpoint={checkpoint}: {path} is an export, which holds one")
        return LiteModel(path) if path.suffix == ".tflite" else SavedModel(version)
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder")
    if not (path / CONFIG_FILE).is_file():
        raise ValueError(
            f"{path}: no model: neither a run (no {CONFIG_FILE}), nor a SavedModel (no "
            "saved_model.pb, here or in a numbered folder), nor a .tflite file"
        )
    from aquanet_tf.inference.checkpoint import load

    try:
        return load(path, height, checkpoint=checkpoint, grid_shift=grid_shift)
    except ValueError as error:  # the caller may have no such flag
        raise ValueError(str(error).replace("--workdir=", "")) from error


def newest_version(path: pathlib.Path) -> pathlib.Path | None:
    """`path` if it is a SavedModel, the highest numbered SavedModel in it, or None."""
    if (path / "saved_model.pb").is_file():
        return path
    if not path.is_dir():
        return None
    versions = [p for p in path.iterdir() if p.name.isdigit() and (p / "saved_model.pb").is_file()]
    return max(versions, key=lambda p: int(p.name), default=None)
