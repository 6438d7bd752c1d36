"""What every form of a trained model is to its callers: a function of images with known ranges.

`predictor` runs a checkpoint, `artifact` runs what was exported from one. Nothing here needs
TensorFlow, so that a TFLite file runs without it.
"""

from __future__ import annotations

import abc
import dataclasses
import pathlib
from typing import Callable

import numpy as np
from PIL import Image

from aquanet_tf import files

METADATA = "metadata.json"


def read_metadata(network: Network, path: pathlib.Path) -> dict:
    """Fills the attributes of `network` from the JSON that its export wrote."""
    metadata = files.read(path)
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


def resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    if values.shape == (height, width):
        return values
    return np.asarray(Image.fromarray(values).resize((width, height), Image.BILINEAR))


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Maps of one image, float32 [H, W] at the image's size: `inverse_depth` in relative units
    (depth = 1 / it, up to one scale) and the quantization parameter `beta`."""

    inverse_depth: np.ndarray
    beta: np.ndarray


class Network(abc.ABC):
    """A depth network that takes uint8 RGB images of any size.

    Attributes:
      kind: "checkpoint", "saved_model" or "tflite".
      height: working height in pixels.
      epoch: finished epochs of the run it comes from.
      inverse_depth_max, beta_max: upper bounds of the two maps; lower bound of beta is
        1 / beta_max.
      metres_per_unit: meters of one unit of depth, where somebody measured it; else None.
      tolerance: of `export.parity`: distance to the checkpoint that the export was allowed; None
        for a checkpoint itself.
    """

    kind: str
    height: int
    epoch: int
    inverse_depth_max: float
    beta_max: float
    metres_per_unit: float | None = None
    tolerance: dict[str, float] | None = None

    @abc.abstractmethod
    def maps(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [B, H, W, 3] -> float32 [B, H, W] each: `inverse_depth`, `beta`, and whatever
        else the model returns."""

    def prepared(self, image: np.ndarray) -> np.ndarray:
        """`image` [H, W, 3] as the network itself will see it: resized where its size is fixed."""
        return image

    def moving(self) -> Callable[[np.ndarray], np.ndarray]:
        """A function from uint8 [H, W, 3] to bool [H, W]: what likely moves (SPIMO masks).

        Raises ValueError for a model that holds depth alone.
        """
        raise ValueError(
            f"--write=moving: this {self.kind} holds depth alone; give the workdir of a stage-1 "
            "run, or a SavedModel with the signature moving_objects"
        )

    def __call__(self, image: np.ndarray) -> Prediction:
        """image: uint8 [H, W, 3] RGB. Raises ValueError when the network returns NaN."""
        maps = self.maps(image[None])
        inverse_depth, beta = maps["inverse_depth"][0], maps["beta"][0]
        if not np.isfinite(inverse_depth).all():
            raise ValueError("the network returned NaN or infinity: has the training diverged?")
        return Prediction(inverse_depth, beta)
