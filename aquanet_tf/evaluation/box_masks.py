"""What SPIMO masks find in boxes of cars, where there are no motion masks.

Pixels in boxes of moving cars should be found. All other pixels of the same images count as static,
although cars that nobody marked may move there. A box holds a little background, so a perfect mask
finds less than all of it.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np

from aquanet_tf.evaluation.boxes import Box, frames
from aquanet_tf.evaluation.mask_quality import STATIC_LOST, spimo_curve


def measure(
    boxes: list[Box],
    root: str | pathlib.Path,
    score: Callable[[np.ndarray], np.ndarray],
    threshold: float,
) -> dict[str, dict]:
    """The masks of a run in each source of the boxes.

    Args:
      boxes: from `boxes.read`.
      root: the folder that holds their sources.
      score: function from an image, uint8 [H, W, 3], to [H, W], large where something moves, such
        as `mask_scores.SpimoScore`. It is called once for each frame.
      threshold: pixels whose score reaches it are in the mask.

    Returns source -> dict of
      moving: `MaskCurve.summary` over the images with a moving car; None without one;
      parked: share of the pixels in boxes of parked cars that the mask takes; None without one.
    """
    curves, parked = {}, {}
    for image, cars in frames(boxes, root, "masks"):
        source, scores = cars[0].source, score(image)
        moving = np.zeros(scores.shape, bool)
        curve = curves.setdefault(source, spimo_curve(threshold))
        taken = parked.setdefault(source, [])
        for car in cars:
            left, top, right, bottom = car.edges
            if car.kind == "moving":
                moving[top:bottom, left:right] = True
            else:
                taken.append(float(np.mean(scores[top:bottom, left:right] >= threshold)))
        if moving.any():
            curve.add(scores, moving, np.zeros(scores.shape))
    return {
        source: {
            "moving": curve.summary(threshold) if curve.images else None,
            "parked": float(np.mean(parked[source])) if parked[source] else None,
        }
        for source, curve in curves.items()
    }


def table(found: dict[str, dict], threshold: float) -> str:
    """The result of `measure` as text."""
    width = max(map(len, found))
    lines = [
        f"SPIMO masks, threshold {threshold:g}: share of moving cars, of all else, of parked cars;",
        "and the share of moving cars where the mask takes so much of all else",
        f"{'source':{width}}{'moving':>9}{'all else':>11}{'parked':>8}"
        + "".join(f"{f'at {share:g}':>9}" for share in STATIC_LOST),
    ]
    for source, each in found.items():
        moving = each["moving"]
        cells = [moving["recall"], moving["static_lost"]] if moving else [None, None]
        at = moving["recall_at_static_lost"].values() if moving else []
        lines.append(
            f"{source:{width}}{_share(cells[0]):>9}{_share(cells[1]):>11}{_share(each['parked']):>8}"
            + "".join(f"{_share(value):>9}" for value in at)
        )
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
