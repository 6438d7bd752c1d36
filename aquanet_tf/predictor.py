"""A trained run as a plain function: uint8 image in, NumPy maps out."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from aquanet_tf import checkpoints, inference


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Maps of one image, float32 [H, W] at the image's size: `inverse_depth` in relative units
    (depth = 1 / it, up to one scale) and the quantisation parameter `beta`."""

    inverse_depth: np.ndarray
    beta: np.ndarray


class Predictor:
    """Calls the depth network of a run on single images of any size.

    Args:
      run: checkpoints.Run.
      height: working height in pixels; 0: that of the training images.
    """

    def __init__(self, run: checkpoints.Run, height: int = 0):
        if height and height < 16:
            raise ValueError(f"--height={height}: must be at least 16 (or 0: as trained)")
        self.height = height or run.data["image_height"]
        self.inverse_depth_max = run.config.inverse_depth_max
        self.beta_max = run.config.beta_max
        self.epoch = run.epoch
        signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
        self._infer = tf.function(
            lambda image: inference.infer(run, image, self.height), input_signature=signature
        )

    def __call__(self, image: np.ndarray) -> Prediction:
        """image: uint8 [H, W, 3] RGB. Raises ValueError when the network returns NaN."""
        maps = self._infer(tf.convert_to_tensor(image[None]))
        inverse_depth, beta = (maps[name].numpy()[0, ..., 0] for name in ("inverse_depth", "beta"))
        if not np.isfinite(inverse_depth).all():
            raise ValueError("the network returned NaN or infinity: has the training diverged?")
        return Prediction(inverse_depth, beta)


def load(workdir: str | pathlib.Path, height: int = 0) -> Predictor:
    """The newest checkpoint of `workdir`. Raises ValueError naming what is missing."""
    return Predictor(checkpoints.load_run(workdir), height)
