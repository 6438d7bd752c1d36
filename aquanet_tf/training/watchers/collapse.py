"""Collapse of a training: constant depth or no ego-motion, both trivial minima of the losses."""

from __future__ import annotations

import tensorflow as tf
from absl import logging

# A run below these has collapsed: the standard deviation of inverse depth in an image is less than
# 2 % of its mean, or the camera moves less than 1/1000 of a depth unit between frames.
MIN_SPREAD = 0.02
MIN_TRANSLATION = 1e-3


class Collapse(ValueError):
    """Training has collapsed, with `--collapse=stop`."""


class CollapseSentinel(tf.keras.callbacks.Callback):
    """Warns, or raises `Collapse`, with advice, when depth becomes constant or ego-motion vanishes.

    action: `warn` or `stop`.
    """

    def __init__(self, action):
        super().__init__()
        self.action = action

    def on_epoch_end(self, epoch, logs=None):
        advice = diagnose(logs or {})
        if advice and self.action == "stop":
            raise Collapse(f"epoch {epoch}: {advice} (--collapse=stop)")
        if advice:
            logging.warning("epoch %d: %s", epoch, advice)


def diagnose(logs):
    """Advice for the means of an epoch (name -> value), or None when they look sound."""
    if logs.get("translation", 1.0) < MIN_TRANSLATION:
        return (
            f"ego-motion has vanished (mean |t| = {logs['translation']:.2g}): train more "
            "--kickstart_epochs, use --pose_form=antisymmetric, and check that the camera moves in "
            "the triplets (--min_speed of python -m data_prep.kitti)"
        )
    if logs.get("spread", 1.0) < MIN_SPREAD:
        return (
            f"depth has become constant (spread {logs['spread']:.2g} of its mean): begin again "
            "with --warmup_epochs=1, a lower --learning_rate or --smoothness_weight, or more "
            "--kickstart_epochs, and check the intrinsics of the data set"
        )
    return None
