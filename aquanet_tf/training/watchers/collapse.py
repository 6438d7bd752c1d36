"""Collapse of a training: constant depth or no ego-motion, both trivial minima of the losses."""

from __future__ import annotations

import math

import tensorflow as tf
from absl import logging

# A run beyond one of these has collapsed: the standard deviation of inverse depth in an image is
# less than 2 % of its mean, the camera moves less than 1/1000 of a depth unit between frames, or
# beta is this near to its limit in all pixels (log beta as a share of log beta_max), where its tanh
# has no gradient left.
MIN_SPREAD = 0.02
MIN_TRANSLATION = 1e-3
MAX_BETA = 0.999


class Collapse(ValueError):
    """Training has collapsed, with `--collapse=stop`."""


class CollapseSentinel(tf.keras.callbacks.Callback):
    """Warns, or raises `Collapse`, with advice, when depth becomes constant or ego-motion vanishes.

    Args:
        action: `warn` or `stop`.
        beta_max: limit of beta.
    """

    def __init__(self, action, beta_max):
        super().__init__()
        self.action = action
        self.beta_max = beta_max

    def on_epoch_end(self, epoch, logs=None):
        advice = diagnose(logs or {}, self.beta_max)
        if advice and self.action == "stop":
            raise Collapse(f"epoch {epoch}: {advice} (--collapse=stop)")
        if advice:
            logging.warning("epoch %d: %s", epoch, advice)


def diagnose(logs, beta_max):
    """Advice for the means of an epoch (name -> value), or None when they look sound."""
    if logs.get("translation", 1.0) < MIN_TRANSLATION:
        return (
            f"ego-motion has vanished (mean |t| = {logs['translation']:.2g}): train more "
            "--kickstart_epochs, use --pose_form=antisymmetric, and check that the camera moves in "
            "the triplets (--min_speed of python -m data_prep.kitti)"
        )
    remedy = (
        "begin again with --clip_norm=0.05, more --warmup_epochs or --kickstart_epochs, a lower "
        "--learning_rate or --smoothness_weight, and check the intrinsics of the data set"
    )
    if logs.get("spread", 1.0) < MIN_SPREAD:
        return f"depth has become constant (spread {logs['spread']:.2g} of its mean): {remedy}"
    if beta_max > 1 and math.log(logs.get("beta", 1.0)) > MAX_BETA * math.log(beta_max):
        return f"depth no longer learns (beta is {beta_max:g}, its limit, everywhere): {remedy}"
    return None
