"""TODO docstring of aquanet_tf.inference.loader."""

from __future__ import annotations

import pathlib

from aquanet_tf.inference import network
from aquanet_tf.inference.saved_model import SavedModel
from aquanet_tf.inference.tflite import LiteModel


def open_model(path: str | pathlib.Path, height: int = 0) -> network.Network:
    """The model at `path`, see the table above.

    height: working height, for checkpoints only: exports have theirs built in. Raises ValueError
    naming the path when nothing there is a model.
    """
    path = pathlib.Path(path)
    if path.suffix == ".tflite" or (version := newest_version(path)):
        if height:
            raise ValueError(f"--height={height}: {path} has its working height built in")
        return LiteModel(path) if path.suffix == ".tflite" else SavedModel(version)
    from aquanet_tf.inference import checkpoint

    return checkpoint.load(path, height)


def newest_version(path: pathlib.Path) -> pathlib.Path | None:
    """`path` if it is a SavedModel, the highest numbered SavedModel in it, or None."""
    if (path / "saved_model.pb").is_file():
        return path
    if not path.is_dir():
        return None
    found = [p for p in path.iterdir() if p.name.isdigit() and (p / "saved_model.pb").is_file()]
    return max(found, key=lambda p: int(p.name), default=None)
