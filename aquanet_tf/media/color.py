"""Inverse depth, relative error and beta as colored images.

Every function takes its value range from the caller and never stretches it to the image at hand:
equal colors mean equal values in all images of one call. Results are uint8 [H, W, 3] RGB.
"""

from __future__ import annotations

import matplotlib
import numpy as np

INVERSE_DEPTH_MAP = "magma"  # dark is far, bright is near
ERROR_MAP = "inferno"  # dark is right, bright is wrong
BETA_MAP = "coolwarm"  # blue below 1, red above
NOTHING = (58, 60, 66)  # pixels without a value


def colorize(values, low: float, high: float, color_map: str, valid=None) -> np.ndarray:
    """Colors values [H, W] linearly by a matplotlib color map: uint8 [H, W, 3].

    Args:
      low, high: values of the map's first and last color; values beyond are clipped.
      color_map: matplotlib's name of the map.
      valid: bool [H, W]; other pixels, and those that are not finite, get the color `NOTHING`.

    Raises ValueError unless `high` is larger than `low`.
    """
    if not high > low:
        raise ValueError(f"color range {low:g}..{high:g}: the second number must be larger")
    values = np.asarray(values, np.float64)
    shown = np.isfinite(values) if valid is None else np.isfinite(values) & valid
    part = np.clip((np.where(shown, values, low) - low) / (high - low), 0.0, 1.0)
    colors = matplotlib.colormaps[color_map](part, bytes=True)[..., :3]
    return np.where(shown[..., None], colors, np.uint8(NOTHING))


def color_inverse_depth(inverse_depth, low: float, high: float, valid=None) -> np.ndarray:
    """Colors inverse depth [H, W] from `low` (far, dark) to `high` (near, bright)."""
    return colorize(inverse_depth, low, high, INVERSE_DEPTH_MAP, valid)


def color_error(relative_error, high: float = 0.5, valid=None) -> np.ndarray:
    """Colors |gt - prediction| / gt [H, W] from 0 (dark) to `high` and above (bright)."""
    return colorize(relative_error, 0.0, high, ERROR_MAP, valid)


def color_beta(beta, beta_max: float) -> np.ndarray:
    """Colors beta [H, W] in [1 / beta_max, beta_max] on a log scale; 1 is gray-white."""
    return colorize(np.log(np.asarray(beta)), *(np.log(beta_max) * np.array([-1, 1])), BETA_MAP)


def robust_range(maps) -> tuple[float, float]:
    """One color range for several maps [H, W], without their non-finite pixels.

    Returns (smallest of their 2nd percentiles, largest of their 98th), always ascending; (0, 1)
    when no pixel is finite.
    """
    low, high = np.inf, -np.inf
    for values in maps:
        values = np.asarray(values)[np.isfinite(values)]
        if values.size:
            ends = np.percentile(values, (2.0, 98.0))
            low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    if not np.isfinite(low):
        return 0.0, 1.0
    return low, high if high > low else low + max(abs(low), 1.0) * 1e-3
