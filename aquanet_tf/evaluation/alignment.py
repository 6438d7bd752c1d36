"""TODO docstring of aquanet_tf.evaluation.alignment."""

from __future__ import annotations

import numpy as np

from aquanet_tf.evaluation.protocol import Protocol

_TINY = 1e-12


def median_ratio(gt, inverse_depth) -> float:
    """median(gt) / median(1 / inverse_depth) of 1-D arrays: meters in one unit of prediction."""
    return float(np.median(gt) / np.median(1.0 / np.maximum(inverse_depth, _TINY)))


def fit_alignment(gt, inverse_depth, alignment: str, global_ratio: float = 1.0):
    """(scale, shift) such that scale * inverse_depth + shift is in 1 / meters.

    gt [n] meters and inverse_depth [n] relative units are the selected pixels of one image.
    `global_ratio` (meters per unit) is used by `global_median` only.
    """
    if alignment == "median":
        return 1.0 / median_ratio(gt, inverse_depth), 0.0
    if alignment == "global_median":
        return 1.0 / global_ratio, 0.0
    if alignment == "least_squares":
        return _fit_line(np.asarray(inverse_depth, np.float64), 1.0 / np.asarray(gt, np.float64))
    return 1.0, 0.0


def _fit_line(x, y):
    """Least-squares (slope, intercept); a constant x gets slope 1 and the mean difference."""
    centered = x - x.mean()
    spread = np.sum(centered**2)
    # Relative to x itself: float32 noise of a constant map must not pass for a slope.
    constant = spread <= x.size * (1e-6 * np.abs(x).max()) ** 2
    slope = 1.0 if constant else np.sum(centered * (y - y.mean())) / spread
    return float(slope), float(y.mean() - slope * x.mean())


def aligned_depth(inverse_depth, scale: float, shift: float, protocol: Protocol) -> np.ndarray:
    """Meters, clipped to the cap: 1 / (scale * inverse_depth + shift), any shape."""
    inverse = scale * np.asarray(inverse_depth, np.float64) + shift
    depth = 1.0 / np.maximum(inverse, _TINY)  # nothing, or less than nothing, is infinitely far
    return np.clip(depth, protocol.min_depth, protocol.max_depth)


def resize_bilinear(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """values [h, w] at [height, width]: bilinear, half-pixel centers, edges repeated.

    No smoothing when it shrinks (what tf.image.resize and OpenCV do by default).
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
