"""Meters per unit from the distances that the camera traveled.

Ego-motion and depth share their unit: warping sees only the product of translation and inverse
depth. So the meters traveled between two frames, divided by the length of the translation that
PoseNet finds between them, are the meters of one unit.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from aquanet_tf import progress
from aquanet_tf.metric import summary

# Where the camera moves less, in meters from frame to frame, the ratio is that of two errors.
SHORTEST = 0.1
# Shorter translations, in units of depth, are none.
_STILL = 1e-6
UNKNOWN = "no distance in the record"
SHORT = f"less than {SHORTEST:g} m traveled"
STILL = "no ego-motion found"
_WHAT = "the ratio of distance traveled to ego-motion"


class NoRatio(Exception):
    """A triplet that gives no number; the message is the reason."""


def measure(
    triplets: Iterable[tuple[Sequence[np.ndarray], Sequence[float]]],
    motion: Callable[[list[np.ndarray]], np.ndarray],
    without: int = 0,
    growth: Callable[[np.ndarray], float] = lambda target: 1.0,
) -> dict:
    """Meters per unit: the median over triplets of meters traveled / length of ego-motion.

    Args:
      triplets: (frames previous, target, next; meters from the target to previous and next, below 0
        where not known), as `data.traveled.spread` yields them.
      motion: function from two frames [a, b] to T_{b -> a} [4, 4], translation in units of depth.
      growth: function from a target to the inverse depth that the scale is for, divided by the one
        that `motion` fits; they differ where the working height is not that of the training.
      without: number of triplets without a distance that are not among `triplets`.

    Returns what `summary.summarize` does, which raises ValueError without a number. Triplets
    without a distance are counted, but say nothing against the number, however many they are.
    """
    ratios, left_out = [], collections.Counter({UNKNOWN: without})
    for images, meters in progress.bar(triplets, desc="distances", unit="triplet"):
        try:
            ratios.append(ratio(images, meters, motion) * growth(images[1]))
        except NoRatio as reason:
            left_out[str(reason)] += 1
    unknown = left_out.pop(UNKNOWN)
    result = summary.summarize(ratios, left_out.elements(), _WHAT)
    if unknown:
        result["frames"] += unknown
        result["left_out"][UNKNOWN] = unknown
    return result


def ratio(images, meters, motion) -> float:
    """Meters per unit of one triplet, arguments as in `measure`: over both references together, or
    over the one whose distance is known. Raises NoRatio."""
    previous, target, following = images
    pairs = [(r, m) for r, m in zip((previous, following), meters) if m >= 0]
    if not pairs:
        raise NoRatio(UNKNOWN)
    traveled = sum(m for _, m in pairs)
    if traveled < SHORTEST * len(pairs):
        raise NoRatio(SHORT)
    # From the target, as in training: of a plain PoseNet the way back is another estimate.
    length = sum(np.linalg.norm(motion([reference, target])[:3, 3]) for reference, _ in pairs)
    if not length > _STILL:
        raise NoRatio(STILL)
    return float(traveled / length)
