"""Errors by distance of the ground truth.

One mean over an image hides where depth fails: most pixels are road and houses, and most moving
pixels are near. The means of a band weight every pixel of all images equally, unlike those of
`metrics`, because in many images a band holds only a few pixels.
"""

from __future__ import annotations

import numpy as np

EDGES = (0.0, 5.0, 10.0, 20.0, 40.0)  # meters, lower ends; the last band is open
NAMES = (*(f"{low:g}-{high:g} m" for low, high in zip(EDGES, EDGES[1:])), f"{EDGES[-1]:g}+ m")


def of(depth) -> np.ndarray:
    """Index of the band of each depth in meters, any shape."""
    return np.digitize(depth, EDGES[1:])


def measure(gt, prediction) -> list[dict | None]:
    """For each band the dictionary that `pooled` describes, or None without a pixel.

    gt, prediction: 1-D arrays of positive meters, as for `metrics.depth_metrics`.
    """
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
    """`measure` of several images taken as one.

    images: the lists of `measure`. Each band of the result holds `abs_rel`, `factor` (the geometric
    mean of prediction / gt: above 1 where the prediction is too far away) and `pixels`.
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
    """Text with one line for each of {label: means with `by_distance`}: abs rel x factor."""
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
