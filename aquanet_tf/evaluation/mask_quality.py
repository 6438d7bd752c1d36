"""How well a mask finds moving objects, compared with motion masks (the ground truth).

A mask is measured as a detector of moving pixels: it gives a score per pixel, and a pixel counts as
moving where score >= threshold. Pixels of all images are counted together. `static_lost` is the
share of static pixels that the mask calls moving, which training then cannot use.
"""

from __future__ import annotations

import numpy as np

from aquanet_tf.evaluation import distance_bands

STATIC_LOST = (0.02, 0.05, 0.1, 0.2, 0.4)


class MaskCurve:
    """Counts pixels of images at many thresholds.

    Args:
        thresholds: ascending. ValueError when they are not.
    """

    def __init__(self, thresholds):
        self.thresholds = np.asarray(thresholds, np.float64)
        if self.thresholds.ndim != 1 or not (np.diff(self.thresholds) > 0).all():
            raise ValueError("a mask curve needs ascending thresholds")
        # Pixel counts [distance band (the last: unknown distance), static or moving, number of
        # thresholds that the score reaches].
        bands = len(distance_bands.NAMES) + 1
        self._by_band = np.zeros((bands, 2, self.thresholds.size + 1), np.int64)
        self.images = 0

    def add(self, score: np.ndarray, moving: np.ndarray, depth: np.ndarray) -> None:
        """Counts one image: score [H, W], moving bool [H, W], depth [H, W] meters (0 = unknown).

        Raises ValueError for unequal shapes or a NaN score.
        """
        score, moving, depth = np.asarray(score), np.asarray(moving, bool), np.asarray(depth)
        for name, values in (("motion mask", moving), ("depth", depth)):
            if score.shape != values.shape:
                raise ValueError(f"score {score.shape} and {name} {values.shape} differ in shape")
        if np.isnan(score).any():
            raise ValueError("the mask's score holds NaN")
        reached = np.searchsorted(self.thresholds, score, side="right")
        band = np.where(depth > 0, distance_bands.of(depth), len(distance_bands.NAMES))
        np.add.at(self._by_band, (band, moving.astype(int), reached), 1)
        self.images += 1

    @property
    def _reached(self):
        """The counts of all distances, [static or moving, number of thresholds reached]."""
        return self._by_band.sum(axis=0)

    def curve(self) -> dict[str, list]:
        """Lists over thresholds: threshold, precision, recall, iou, static_lost.

        Precision is None where no pixel is called moving.
        """
        flagged = self._reached[:, :0:-1].cumsum(axis=1)[:, ::-1]
        static, moving = self._reached.sum(axis=1)
        lost, caught = flagged
        taken = lost + caught
        return {
            "threshold": self.thresholds.tolist(),
            "precision": [float(c / t) if t else None for c, t in zip(caught, taken)],
            "recall": (caught / max(moving, 1)).tolist(),
            "iou": (caught / np.maximum(moving + lost, 1)).tolist(),
            "static_lost": (lost / max(static, 1)).tolist(),
        }

    def summary(self, threshold: float) -> dict:
        """All numbers of the mask, for a JSON file.

        These are the values of `curve` at the nearest threshold, recall and static_lost by distance
        there, recall at the shares STATIC_LOST of lost static pixels (linear between thresholds),
        the counts, and the whole curve.
        """
        curve = self.curve()
        index = int(np.argmin(np.abs(self.thresholds - threshold)))
        static, moving = (int(count) for count in self._reached.sum(axis=1))
        lost, recall = (np.array(curve[name])[::-1] for name in ("static_lost", "recall"))
        return {
            **{name: values[index] for name, values in curve.items()},
            "recall_at_static_lost": {
                f"{share:g}": float(np.interp(share, lost, recall)) for share in STATIC_LOST
            },
            "by_distance": [self._at(band, index) for band in self._by_band[:-1]],
            "images": self.images,
            "static_pixels": static,
            "moving_pixels": moving,
            "curve": curve,
        }

    def _at(self, reached, index) -> dict:
        """Recall and static_lost at a threshold, None where there is no pixel to count."""
        flagged, count = reached[:, index + 1 :].sum(axis=1), reached.sum(axis=1)
        lost, recall = (float(f / n) if n else None for f, n in zip(flagged, count))
        return {"recall": recall, "static_lost": lost}


def spimo_curve(threshold: float) -> MaskCurve:
    """An empty curve over the range of SPIMO's scores, and the threshold that the run uses."""
    return MaskCurve(np.union1d(np.geomspace(1e-5, 10.0, 121), [threshold]))


def table(results: dict[str, dict]) -> str:
    """Text of {name of the mask: its `summary`}."""
    lines = [
        "masks of moving pixels against motion masks, all pixels of all images counted together",
        f"{'':10}{'threshold':>10}{'precision':>10}{'recall':>8}{'IoU':>8}{'static lost':>13}"
        + "".join(f"{f'recall@{share:g}':>12}" for share in STATIC_LOST),
    ]
    for name, result in results.items():
        precision = "-" if result["precision"] is None else f"{result['precision']:.3f}"
        at = result["recall_at_static_lost"].values()
        lines.append(
            f"{name:<10}{result['threshold']:10.4g}{precision:>10}{result['recall']:8.3f}"
            f"{result['iou']:8.3f}{result['static_lost']:13.3f}"
            + "".join(f"{value:12.3f}" for value in at)
        )
    lines += ["", "by distance, at that threshold: recall / static lost"]
    lines.append(f"{'':10}" + "".join(f"{name:>16}" for name in distance_bands.NAMES))
    for name, result in results.items():
        cells = [
            " / ".join("-" if v is None else f"{v:.3f}" for v in band.values())
            for band in result["by_distance"]
        ]
        lines.append(f"{name:<10}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)
