"""A .tflite file of `export.tflite`, run by ai-edge-litert or by TensorFlow's own interpreter.

Nothing here imports TensorFlow where ai-edge-litert is installed.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import warnings

import numpy as np

from aquanet_tf.inference import network

# Ratio of aspects, less 1, up to which nobody is warned. KITTI's frames differ by some percent.
ASPECT_TOLERANCE = 0.05


class LiteModel(network.Network):
    """A .tflite file of `export.tflite`.

    The model has one fixed size: images are resized to it, and the maps back to the size of the
    image (both bilinear). An image of another aspect is squeezed by that, and its depth is less
    accurate: this warns once for each shape of images.

    Args:
      path: the file; its .json lies beside it.
      runtime: module with an `Interpreter`; default: ai-edge-litert, else tf.lite.

    Raises ValueError that names a missing or damaged file, or a .json of another file.
    """

    kind = "tflite"

    def __init__(self, path: str | pathlib.Path, runtime=None):
        path = pathlib.Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: no such file")
        content = path.read_bytes()
        side = path.with_suffix(".json")
        if not side.is_file():
            raise ValueError(f"{path}: {side.name} is missing beside it; export.tflite writes both")
        metadata = network.read_metadata(self, side)
        if metadata["sha256"] != hashlib.sha256(content).hexdigest():
            raise ValueError(f"{side}: is of another file than {path}; export it again")
        self.width = metadata["width"]
        self._warned = set()
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
        return network.resized(image, self.height, self.width)

    def check_size(self, height: int, width: int) -> None:
        """Every image is allowed: the model has one fixed size."""

    def maps(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [B, H, W, 3] -> float32 [B, H, W]: `inverse_depth`, `beta`; one image at a time."""
        height, width = images.shape[1:3]
        self._warn_of_aspect(height, width)
        outputs = [self._runner(image=self.prepared(image)[None]) for image in images]
        return {
            name: np.stack(
                [network.resized(maps[name][0, ..., 0], height, width) for maps in outputs]
            )
            for name in ("inverse_depth", "beta")
        }

    def _warn_of_aspect(self, height, width):
        """Warns once for each shape that the model's size squeezes by more than ASPECT_TOLERANCE.

        Squeezed all the same: a cut would leave pixels without depth, and margins are no better
        (docs/deployment.md#tflite).
        """
        shape = height, width
        squeezed = (width * self.height) / (height * self.width)
        if max(squeezed, 1 / squeezed) <= 1 + ASPECT_TOLERANCE or shape in self._warned:
            return
        self._warned.add(shape)
        fitting = max(16, round(self.height * width / height))
        warnings.warn(
            f"images of {height}x{width} are squeezed to the model's {self.height}x{self.width}, "
            "which makes depth less accurate: cut them to its aspect, or export a file for them "
            f"with --height={self.height} --width={fitting}",
            stacklevel=5,
        )


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
