"""Models as users have them, whatever their form: `open_model(path)` is a function of images.

| path                                  | form                                                     |
|---------------------------------------|----------------------------------------------------------|
| workdir of a run                      | its newest checkpoint                                    |
| SavedModel version, or the directory  | the version, or the newest of the directory              |
|   of its numbered versions            |                                                          |
| FILE.tflite with FILE.json beside it  | ai-edge-litert where it is installed, else tf.lite       |

TensorFlow is imported only where it is needed: a .tflite file runs with ai-edge-litert alone.
"""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
from typing import Callable

import numpy as np
from PIL import Image

from aquanet_tf import json_file, prediction

METADATA = "metadata.json"
SIGNATURES = ("serving_default", "serving_bytes")
# Beside them where the run can tell what moves; takes what serving_default takes.
MOVING = "moving_objects"


class SavedModel(prediction.Network):
    """One version directory of `export.saved_model`.

    Args:
      directory: holds saved_model.pb and metadata.json.
      signature: one of SIGNATURES, or MOVING; `serving_bytes` gets the images as PNG.
    """

    kind = "saved_model"

    def __init__(self, directory: str | pathlib.Path, signature: str = SIGNATURES[0]):
        import tensorflow as tf

        _read_metadata(self, pathlib.Path(directory) / METADATA)
        try:
            self._loaded = tf.saved_model.load(str(directory))  # the signature does not keep it
            self._signature = self._loaded.signatures[signature]
        except (OSError, KeyError, tf.errors.OpError) as error:
            raise ValueError(f"{directory}: not a SavedModel with {signature} ({error})") from error
        self._takes_bytes = signature == "serving_bytes"
        self._constant = tf.constant

    def maps(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [B, H, W, 3] -> float32 [B, H, W] of every output of the signature."""
        if self._takes_bytes:
            outputs = self._signature(image_bytes=self._constant([png(image) for image in images]))
        else:
            outputs = self._signature(image=self._constant(images))
        return {name: value.numpy()[..., 0] for name, value in outputs.items()}

    def moving(self) -> Callable[[np.ndarray], np.ndarray]:
        """uint8 [H, W, 3] -> bool [H, W], by the signature `moving_objects`."""
        if MOVING not in self._loaded.signatures:
            return super().moving()
        find = self._loaded.signatures[MOVING]

        def moving(image):
            return find(image=self._constant(image[None]))["static_mask"].numpy()[0, ..., 0] == 0

        return moving


class LiteModel(prediction.Network):
    """A .tflite file of `export.tflite`: one fixed size, to which images are resized, and from
    which the maps are brought back to the size of the image (bilinear both).

    Args:
      path: the file; its .json lies beside it.
      runtime: module with an `Interpreter`; default: ai-edge-litert, else tf.lite.
    """

    kind = "tflite"

    def __init__(self, path: str | pathlib.Path, runtime=None):
        path = pathlib.Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: no such file")
        content = path.read_bytes()
        side = path.with_suffix(".json")
        metadata = _read_metadata(self, side)
        if metadata["sha256"] != hashlib.sha256(content).hexdigest():
            raise ValueError(f"{side}: is of another file than {path}; export it again")
        self.width = metadata["width"]
        try:
            self._interpreter = (runtime or lite_runtime()).Interpreter(
                model_content=content, num_threads=os.cpu_count()
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{path}: not a TFLite model ({error})") from error
        self._runner = self._interpreter.get_signature_runner()

    def prepared(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] -> uint8 [height, width, 3] of the model."""
        if image.shape[:2] == (self.height, self.width):
            return image
        return np.asarray(Image.fromarray(image).resize((self.width, self.height), Image.BILINEAR))

    def maps(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [B, H, W, 3] -> float32 [B, H, W]: `inverse_depth`, `beta`; one image at a time."""
        height, width = images.shape[1:3]
        found = [self._runner(image=self.prepared(image)[None]) for image in images]
        return {
            name: np.stack([_resized(maps[name][0, ..., 0], height, width) for maps in found])
            for name in ("inverse_depth", "beta")
        }


def lite_runtime():
    """The module whose `Interpreter` runs .tflite files. ValueError when there is none."""
    try:
        from ai_edge_litert import interpreter

        return interpreter
    except ImportError:
        pass
    try:
        import tensorflow as tf

        return tf.lite
    except ImportError:
        raise ValueError("a .tflite model needs: pip install ai-edge-litert") from None


def open_model(path: str | pathlib.Path, height: int = 0) -> prediction.Network:
    """The model at `path`, see the table above.

    height: working height, for checkpoints only: exports have theirs built in. Raises ValueError
    naming the path when nothing there is a model.
    """
    path = pathlib.Path(path)
    if path.suffix == ".tflite" or (version := newest_version(path)):
        if height:
            raise ValueError(f"--height={height}: {path} has its working height built in")
        return LiteModel(path) if path.suffix == ".tflite" else SavedModel(version)
    from aquanet_tf import predictor

    return predictor.load(path, height)


def newest_version(path: pathlib.Path) -> pathlib.Path | None:
    """`path` if it is a SavedModel, the highest numbered SavedModel in it, or None."""
    if (path / "saved_model.pb").is_file():
        return path
    if not path.is_dir():
        return None
    found = [p for p in path.iterdir() if p.name.isdigit() and (p / "saved_model.pb").is_file()]
    return max(found, key=lambda p: int(p.name), default=None)


def png(image: np.ndarray) -> bytes:
    """uint8 [H, W, 3] as a PNG file's bytes."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def _read_metadata(network: prediction.Network, path: pathlib.Path) -> dict:
    """Fills the attributes of `network` from the JSON that its export wrote."""
    metadata = json_file.read(path)
    try:
        network.height = metadata["working_height"]
        network.epoch = metadata["epoch"]
        network.inverse_depth_max = metadata["inverse_depth_range"][1]
        network.beta_max = metadata["beta_max"]
        network.metres_per_unit = metadata["metres_per_unit"]
        network.tolerance = metadata["parity"]["tolerance"]
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{path}: damaged, no {error}; export the model again") from error
    return metadata


def _resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    if values.shape == (height, width):
        return values
    return np.asarray(Image.fromarray(values).resize((width, height), Image.BILINEAR))
