"""From relative inverse depth to meters: median ratios, scale and shift, resizing.

A network of one camera estimates inverse depth (the paper's disparity) up to an unknown scale.
`fit_alignment` finds the scale, and with least squares a shift, that the protocol allows;
`aligned_depth` applies them. Which pixels take part is decided in `protocol`, the errors of the
aligned depth are in `metrics`.
"""

from __future__ import annotations

import numpy as np

from aquanet_tf.evaluation.protocol import Protocol

_TINY = 1e-12  # smallest inverse depth that is inverted, so that no depth is infinite


def median_depth(inverse_depth) -> float:
    """median(1 / inverse_depth) of an array of any shape; never infinite."""
    return float(np.median(1.0 / np.maximum(inverse_depth, _TINY)))


def median_ratio(gt, inverse_depth) -> float:
    """median(gt) / median(1 / inverse_depth) of 1-D arrays: meters per unit of prediction."""
    return float(np.median(gt)) / median_depth(inverse_depth)


def fit_alignment(gt, inverse_depth, alignment: str, global_ratio: float = 1.0):
    """(scale, shift) such that scale * inverse_depth + shift is in 1 / meters.

    Args:
      gt: [n] meters, the selected pixels of one image.
      inverse_depth: [n] relative units, the same pixels.
      alignment: one of protocol.ALIGNMENTS.
      global_ratio: meters per unit, used by `global_median` only.
    """
    if alignment == "median":
        return 1.0 / median_ratio(gt, inverse_depth), 0.0
    if alignment == "global_median":
        return 1.0 / global_ratio, 0.0
    if alignment == "least_squares":
        return _fit_line(np.asarray(inverse_depth, np.float64), 1.0 / np.asarray(gt, np.float64))
    return 1.0, 0.0


def _fit_line(x, y):
    """Least-squares (slope, intercept) of y over x; for a constant x slope 1 and mean(y - x)."""
    centered = x - x.mean()
    spread = np.sum(centered**2)
    # Relative to x, so that float32 noise in a constant map does not count as variation.
    constant = spread <= x.size * (1e-6 * np.abs(x).max()) ** 2
    slope = 1.0 if constant else np.sum(centered * (y - y.mean())) / spread
    return float(slope), float(y.mean() - slope * x.mean())


def aligned_depth(inverse_depth, scale: float, shift: float, protocol: Protocol) -> np.ndarray:
    """Depth in meters, 1 / (scale * inverse_depth + shift), clipped to the protocol's range.

    inverse_depth: relative units, any shape. Where the sum is zero or negative, depth is the cap.
    """
    inverse = scale * np.asarray(inverse_depth, np.float64) + shift
    depth = 1.0 / np.maximum(inverse, _TINY)
    return np.clip(depth, protocol.min_depth, protocol.max_depth)


def resize_bilinear(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """values [h, w] -> [height, width]: bilinear, half-pixel centers, edges repeated.

    Shrinking does not smooth, as in the defaults of tf.image.resize and OpenCV.
    """
    values = np.asarray(values)
    if values.shape == (height, width):
        return values
    low_y, high_y, part_y = _taps(values.shape[0], height)
    low_x, high_x, part_x = _taps(values.shape[1], width)
    rows = values[low_y] * (1 - part_y)[:, None] + values[high_y] * part_y[:, None]
    return rows[:, low_x] * (1 - part_x) + rows[:, high_x] * part_x


def _taps(old: int, new: int):
    """Two source indices and the weight of the second for each of `new` pixel centers."""
    center = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.floor(center).astype(int)
    return low, np.minimum(low + 1, old - 1), (center - low).astype(np.float32)
