"""What SPIMO masks find in boxes of cars, where there are no motion masks.

Pixels in boxes of moving cars should be found. All other pixels of the same images count as static,
although cars that nobody marked may move there. A box holds a little background, so a perfect mask
finds less than all of it.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np

from aquanet_tf.cars.boxes import KINDS, Box, frames
from aquanet_tf.evaluation.mask_quality import STATIC_LOST, MaskCurve, spimo_curve


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
      moving: `MaskCurve.summary` over the images with a moving car, without distances; None
        without such a car;
      parked: share of the pixels in boxes of parked cars that the mask takes; None without one.
    """
    curves = {}
    for image, cars in frames(boxes, root, "masks"):
        scores = score(image)
        of_source = curves.setdefault(
            cars[0].source, {kind: spimo_curve(threshold) for kind in KINDS}
        )
        for kind, curve in of_source.items():
            inside = _inside([car for car in cars if car.kind == kind], scores.shape)
            if inside.any():
                curve.add(scores, inside, np.zeros(scores.shape))
    return {
        source: _summary(of_kind["moving"], of_kind["parked"], threshold)
        for source, of_kind in curves.items()
    }


def _inside(cars, shape) -> np.ndarray:
    """bool [H, W]: the pixels in the boxes of `cars`."""
    inside = np.zeros(shape, bool)
    for car in cars:
        left, top, right, bottom = car.edges
        inside[top:bottom, left:right] = True
    return inside


def _summary(moving: MaskCurve, parked: MaskCurve, threshold: float) -> dict:
    """One entry of the result of `measure`."""
    summary = moving.summary(threshold) if moving.images else None
    if summary:
        del summary["by_distance"]  # boxes have none
    return {
        "moving": summary,
        "parked": parked.summary(threshold)["recall"] if parked.images else None,
    }


def table(results: dict[str, dict], threshold: float) -> str:
    """The result of `measure` as text."""
    width = max(map(len, ["source", *results]))
    lines = [
        f"SPIMO masks, threshold {threshold:g}: share of moving cars, other pixels and parked cars",
        "in the mask; and recall of moving cars where 2, 5, ... % of the other pixels are in it",
        f"{'source':{width}}{'moving':>9}{'other':>8}{'parked':>8}"
        + "".join(f"{f'at {share:.0%}':>8}" for share in STATIC_LOST),
    ]
    for source, each in results.items():
        moving = each["moving"]
        cells = [moving["recall"], moving["static_lost"]] if moving else [None, None]
        at = moving["recall_at_static_lost"].values() if moving else [None] * len(STATIC_LOST)
        lines.append(
            f"{source:{width}}{_share(cells[0]):>9}{_share(cells[1]):>8}{_share(each['parked']):>8}"
            + "".join(f"{_share(value):>8}" for value in at)
        )
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
