"""Numbers as pictures: inverse depth, error and beta in color, masks as outlines, grids.

Every coloring takes a stated, fixed range and never stretches itself to the picture at hand, so
that equal colors mean equal values across the frames of one call. All pictures are uint8
[H, W, 3] RGB. NumPy, Pillow and matplotlib's color maps only.
"""

from __future__ import annotations

import matplotlib
import numpy as np

INVERSE_DEPTH_MAP = "magma"  # dark is far, bright is near
ERROR_MAP = "inferno"  # dark is right, bright is wrong
BETA_MAP = "coolwarm"  # blue below 1, red above
NOTHING = (58, 60, 66)  # where there is no value


def colorize(values, low: float, high: float, colour_map: str, valid=None) -> np.ndarray:
    """values [H, W] -> uint8 [H, W, 3]: `low` and below is the map's first color, `high` and
    above its last. Pixels that are not finite, or outside `valid` (bool), get `NOTHING`."""
    if not high > low:
        raise ValueError(f"color range {low:g}..{high:g}: the second number must be larger")
    values = np.asarray(values, np.float64)
    shown = np.isfinite(values) if valid is None else np.isfinite(values) & valid
    part = np.clip((np.where(shown, values, low) - low) / (high - low), 0.0, 1.0)
    colors = matplotlib.colormaps[colour_map](part, bytes=True)[..., :3]
    return np.where(shown[..., None], colors, np.uint8(NOTHING))


def color_inverse_depth(inverse_depth, low: float, high: float, valid=None) -> np.ndarray:
    """Inverse depth [H, W], linear between `low` (far, dark) and `high` (near, bright)."""
    return colorize(inverse_depth, low, high, INVERSE_DEPTH_MAP, valid)


def color_error(relative_error, high: float = 0.5, valid=None) -> np.ndarray:
    """|gt - prediction| / gt [H, W], from 0 (dark) to `high` and above (bright)."""
    return colorize(relative_error, 0.0, high, ERROR_MAP, valid)


def color_beta(beta, beta_max: float) -> np.ndarray:
    """beta [H, W] in [1 / beta_max, beta_max] on a log scale; gray-white where beta is 1."""
    return colorize(np.log(np.asarray(beta)), *(np.log(beta_max) * np.array([-1, 1])), BETA_MAP)


def robust_range(maps, low_percentile=2.0, high_percentile=98.0) -> tuple[float, float]:
    """One color range for several [H, W] maps: the smallest of their low percentiles and the
    largest of their high ones, non-finite pixels left out. Never empty."""
    low, high = np.inf, -np.inf
    for values in maps:
        values = np.asarray(values)[np.isfinite(values)]
        if values.size:
            ends = np.percentile(values, (low_percentile, high_percentile))
            low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    if not np.isfinite(low):
        return 0.0, 1.0
    return low, high if high > low else low + max(abs(low), 1.0) * 1e-3
