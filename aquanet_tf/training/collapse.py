"""TODO docstring of aquanet_tf.training.collapse."""

from __future__ import annotations

import tensorflow as tf
from absl import logging

# Below these a run has collapsed: depth varies by less than 2 % of its mean inside an image, or
# the camera moves by less than 1/1000 of a depth unit between frames.
MIN_SPREAD = 0.02
MIN_TRANSLATION = 1e-3


class Collapse(ValueError):
    """Training has collapsed and `--collapse=stop` says to stop."""


class CollapseSentinel(tf.keras.callbacks.Callback):
    """Warns or stops, with advice, when depth turns constant or ego-motion vanishes."""

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
    """Advice for the means of an epoch, or None when they look sound."""
    if logs.get("translation", 1.0) < MIN_TRANSLATION:
        return (
            f"ego-motion has vanished (mean |t| = {logs['translation']:.2g}): train more "
            "--kickstart_epochs, use --pose_form=antisymmetric, and check that the camera moves in "
            "the triplets (--min_speed of python -m data_prep.kitti)"
        )
    if logs.get("spread", 1.0) < MIN_SPREAD:
        return (
            f"depth has become constant (spread {logs['spread']:.2g} of its mean): lower "
            "--learning_rate or --smoothness_weight, train more --kickstart_epochs, and check the "
            "intrinsics of the data set"
        )
    return None
