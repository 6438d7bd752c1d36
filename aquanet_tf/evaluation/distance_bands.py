"""Errors apart by how far away the ground truth is (NumPy only).

One mean over an image hides where depth fails: most pixels are road and houses, most moving pixels
are near. Unlike the means of `metrics`, those of a band count every pixel of all images alike,
since many an image has a handful of pixels in it.
"""

from __future__ import annotations

import numpy as np

EDGES = (0.0, 5.0, 10.0, 20.0, 40.0)  # meters, lower ends; the last band ends nowhere
NAMES = (*(f"{low:g}-{high:g} m" for low, high in zip(EDGES, EDGES[1:])), f"{EDGES[-1]:g}+ m")


def of(depth) -> np.ndarray:
    """Index of the band of each depth in meters, any shape."""
    return np.digitize(depth, EDGES[1:])


def measure(gt, prediction) -> list[dict | None]:
    """A list over bands of what `pooled` gives; 1-D arrays of positive meters, as
    `metrics.depth_metrics`. None for a band without a pixel."""
    band = of(gt)
    return [_measure(gt[band == i], prediction[band == i]) for i in range(len(EDGES))]


def _measure(gt, prediction) -> dict | None:
    if not gt.size:
        return None
    return {
        "abs_rel": float(np.mean(np.abs(prediction - gt) / gt)),
        "factor": float(np.exp(np.mean(np.log(prediction / gt)))),
        "pixels": gt.size,
    }


def pooled(images) -> list[dict | None]:
    """`measure` of several images as if they were one.

    Each band has `abs_rel`; `factor`, the geometric mean of prediction / gt, above 1 where things
    are seen too far away; and `pixels`.
    """
    return [_pool([band for band in bands if band]) for bands in zip(*images)]


def _pool(bands) -> dict | None:
    if not bands:
        return None
    pixels = [band["pixels"] for band in bands]
    return {
        "abs_rel": float(np.average([band["abs_rel"] for band in bands], weights=pixels)),
        "factor": float(
            np.exp(np.average(np.log([band["factor"] for band in bands]), weights=pixels))
        ),
        "pixels": int(sum(pixels)),
    }


def table(results: dict[str, dict]) -> str:
    """Lines of text from {label: means with `by_distance`}: abs rel x factor in each band."""
    lines = [
        "abs rel, and how many times too far (geometric mean), by distance; all pixels together",
        f"{'':18}" + "".join(f"{name:>16}" for name in NAMES),
    ]
    for label, mean in results.items():
        cells = [
            f"{band['abs_rel']:.3f} x{band['factor']:.2f}" if band else "-"
            for band in mean["by_distance"]
        ]
        lines.append(f"{label:<18}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)
