"""A checkpoint of a run as a plain function: uint8 images in, NumPy maps out."""

from __future__ import annotations

import functools
import pathlib

import numpy as np
import tensorflow as tf

from aquanet_tf.inference import graph, network
from aquanet_tf.inference.mask_scores import SpimoScore
from aquanet_tf.masks import spimo
from aquanet_tf.runs import scale
from aquanet_tf.runs.run import Run, load_run


class Predictor(network.Network):
    """Calls the depth network of a run on images of any size.

    Args:
      run: a loaded `runs.run.Run`.
      height: working height in pixels; 0: that of the run.
      post_processing: one of `evaluation.protocol.POST_PROCESSINGS`.
      moving: `maps` adds `moving_object_probability` and `static_mask`, by SPIMO's passes.

    Raises ValueError for a working height below 16 pixels.
    """

    kind = "checkpoint"
    has_moving = True
    memory_errors = (MemoryError, tf.errors.ResourceExhaustedError)

    def __init__(
        self,
        run: Run,
        height: int = 0,
        post_processing: str = "none",
        moving: bool = False,
    ):
        self._run = run
        self.height = graph.chosen_height(run, height)
        self.grid_shift = run.config.grid_shift
        self.inverse_depth_max = run.config.inverse_depth_max
        self.beta_max = run.config.beta_max
        self.epoch = run.epoch
        self.metres_per_unit = run.metres_per_unit(self.height)
        signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
        infer = graph.infer_moving if moving else graph.infer
        self._infer = tf.function(
            lambda images: infer(run, images, self.height, post_processing=post_processing),
            input_signature=signature,
        )

    def maps(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [B, H, W, 3] -> float32 [B, H, W]: `inverse_depth`, `beta`."""
        maps = self._infer(tf.convert_to_tensor(images))
        return {name: value.numpy()[..., 0] for name, value in maps.items()}

    def moving(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] -> bool [H, W]: where the run's `SpimoScore` reaches its threshold.

        Warns once about a run that has not learned what the mask reads, see `spimo.readable`.
        """
        return ~self._score.static(image)

    def one_pass(self, height: int) -> Predictor:
        """The same network without --grid_shift, at a working height in pixels."""
        return Predictor(self._run.one_pass(), height)

    @functools.cached_property
    def _score(self) -> SpimoScore:
        spimo.warn_unreadable(self._run.config)
        return SpimoScore(self._run, self.height)


def load(
    workdir: str | pathlib.Path,
    height: int = 0,
    post_processing: str = "none",
    checkpoint: str = "newest",
    grid_shift: float | None = None,
) -> Predictor:
    """A checkpoint of `workdir`, with the scale in its scale.json where there is one.

    checkpoint: newest, best, or a number of finished epochs.
    grid_shift: of the shifted grids (2: the height of the image), 0: one pass; None: the run's own.

    Raises ValueError naming what is missing or damaged.
    """
    run = load_run(workdir, checkpoint=checkpoint, grid_shift=grid_shift)
    predictor = Predictor(run, height, post_processing)
    known = scale.chosen(None, workdir, run, predictor.height)
    predictor.metres_per_unit = known.metres_per_unit or None
    return predictor


def as_evaluated(run: Run, evaluation: dict) -> Predictor:
    """The depth network as `aquanet_tf.evaluate` measured it, so that its alignment fits.

    Args:
      run: the one that was evaluated.
      evaluation: content of the JSON, which names grid shift, working height, post-processing and
        the scale: its alignment was found on depth of that scale, not on that of today's
        scale.json.
    """
    model = evaluation["model"]
    if (shift := model.get("grid_shift")) is not None:  # absent: the run's own
        run = run.with_grid_shift(shift)
    processing = evaluation["protocol"].get("post_processing", "none")
    predictor = Predictor(run, model["working_height"], processing)
    predictor.metres_per_unit = model.get("metres_per_unit")
    return predictor
