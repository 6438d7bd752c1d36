"""Ego-motion of successive frames by the PoseNet of a run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from aquanet_tf.data import augmentation
from aquanet_tf.runs import Run
from aquanet_tf.trajectory import poses

_BATCH = 8
# Beyond this, frames are stretched visibly compared with those of the training.
_ASPECT = 0.05


class EgoMotion:
    """The PoseNet of a run as a function of frames.

    It sees whole frames, resized as in training (paper section 3.3).

    Args:
        run: with PoseNet. ValueError when it holds the depth network alone.
    """

    def __init__(self, run: Run):
        self._data = run.data
        posenet, size = run.posenet, (run.config.pose_input_height, run.config.pose_input_width)
        window = augmentation.whole_window(*size)

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])
        def resize(images):
            return augmentation.resize_crop(images, window) / 255.0

        @tf.function(input_signature=2 * [tf.TensorSpec([None, *size, 3])])
        def motion(after, before):
            return posenet.motion(posenet(after, before[:, None]))

        self._resize, self._motion = resize, motion

    def __call__(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields T_{i+1 -> i}, [4, 4] float64, translation in units of depth, for i = 0, 1, ...

        frames: uint8 [H, W, 3] of one size, in order of time.

        Warns when the aspect of the frames is not that of the training images.
        """
        previous = None
        for batch in _batches(frames):
            if previous is None:
                self._check_aspect(*batch.shape[1:3])
            resized = self._resize(batch)
            resized = resized if previous is None else tf.concat([previous, resized], axis=0)
            previous = resized[-1:]
            if len(resized) > 1:
                motion = self._motion(resized[1:], resized[:-1])
                yield from poses.matrices(
                    *(part[:, 0].numpy().astype(np.float64) for part in motion)
                )

    def _check_aspect(self, height, width):
        trained = self._data["image_width"] / self._data["image_height"]
        if abs(width / height / trained - 1) > _ASPECT:
            warnings.warn(
                f"frames of {width}x{height} have another aspect than the training images "
                f"({self._data['image_width']}x{self._data['image_height']}): they are stretched, "
                "and ego-motion becomes less accurate; cut them to that aspect",
                stacklevel=3,
            )


def _batches(frames):
    batch = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == _BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
