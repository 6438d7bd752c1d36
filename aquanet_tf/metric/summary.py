"""From one number for each frame to meters per unit with its spread, or a refusal."""

from __future__ import annotations

import collections
from collections.abc import Iterable

import numpy as np

# Fewest frames, smallest share of the frames, and largest spread for which a number is given.
FEWEST_FRAMES, SMALLEST_SHARE, LARGEST_SPREAD = 5, 0.2, 0.3
# Standard deviation of a normal distribution divided by its median absolute deviation.
_NORMAL = 1.4826


def summarize(values: Iterable[float], left_out: Iterable[str], what: str) -> dict:
    """The median of meters per unit over frames, with its spread.

    Args:
      values: meters per unit, one for each frame that has one.
      left_out: a reason for each other frame.
      what: what was measured, for messages.

    Returns metres_per_unit (the median), spread (1.48 times the median absolute deviation, divided
    by the median), quartiles, frames, used and left_out (reason -> number of frames). Raises
    ValueError with the reasons for too few frames, and for values that disagree.
    """
    values, left_out = np.asarray(list(values), np.float64), list(left_out)
    require_enough(len(values), left_out, what)
    middle = float(np.median(values))
    spread = float(_NORMAL * np.median(np.abs(values - middle)) / middle)
    if spread > LARGEST_SPREAD:
        raise ValueError(
            f"no scale: {what} in {len(values)} frames disagrees by {spread:.0%} (spread; allowed "
            f"{LARGEST_SPREAD:.0%}): the network does not know this camera or these scenes"
        )
    return {
        "metres_per_unit": middle,
        "spread": spread,
        "quartiles": [float(value) for value in np.percentile(values, [25, 75])],
        "frames": len(values) + len(left_out),
        "used": len(values),
        "left_out": dict(collections.Counter(left_out).most_common()),
    }


def require_enough(used: int, left_out: list[str], what: str) -> None:
    """Raises ValueError with the reasons when too few frames are left."""
    frames = used + len(left_out)
    if used >= max(FEWEST_FRAMES, SMALLEST_SHARE * frames):
        return
    reasons = collections.Counter(left_out).most_common()
    listed = "; ".join(f"{reason} ({count})" for reason, count in reasons)
    raise ValueError(
        f"no scale: {what} was found in {used} of {frames} frames; needed are {FEWEST_FRAMES} "
        f"frames and {SMALLEST_SHARE:.0%} of them" + (f". Left out: {listed}" if listed else "")
    )
