"""A SavedModel of `export.saved_model`, by whichever of its signatures is wanted."""

from __future__ import annotations

import io
import pathlib

import numpy as np
from PIL import Image

from aquanet_tf import files
from aquanet_tf.inference import network
from aquanet_tf.inference.network import METADATA

SIGNATURES = ("serving_default", "serving_bytes")
# A further signature of runs that can tell what moves; takes what serving_default takes.
MOVING = "moving_objects"


class SavedModel(network.Network):
    """One version directory of `export.saved_model`.

    Args:
      directory: holds saved_model.pb and metadata.json.
      signature: one of SIGNATURES, or MOVING; `serving_bytes` gets the images as PNG.

    Raises ValueError that names a missing or damaged file.
    """

    kind = "saved_model"

    def __init__(self, directory: str | pathlib.Path, signature: str = SIGNATURES[0]):
        import tensorflow as tf

        network.read_metadata(self, pathlib.Path(directory) / METADATA)
        try:
            with files.plain_folder(directory) as plain:
                self._loaded = tf.saved_model.load(str(plain))  # the signature does not keep it
            self._signature = self._loaded.signatures[signature]
        except (OSError, KeyError, tf.errors.OpError) as error:
            raise ValueError(f"{directory}: not a SavedModel with {signature} ({error})") from error
        self.has_moving = MOVING in self._loaded.signatures
        self._takes_bytes = signature == "serving_bytes"
        self.memory_errors = (MemoryError, tf.errors.ResourceExhaustedError)
        self._constant = tf.constant

    def maps(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [B, H, W, 3] -> float32 [B, H, W] of every output of the signature."""
        if self._takes_bytes:
            outputs = self._signature(image_bytes=self._constant([png(image) for image in images]))
        else:
            outputs = self._signature(image=self._constant(images))
        return {name: value.numpy()[..., 0] for name, value in outputs.items()}

    def moving(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] -> bool [H, W], by the signature `moving_objects`."""
        self.require_moving()
        maps = self._loaded.signatures[MOVING](image=self._constant(image[None]))
        return maps["static_mask"].numpy()[0, ..., 0] == 0


def png(image: np.ndarray) -> bytes:
    """uint8 [H, W, 3] as a PNG file's bytes."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
