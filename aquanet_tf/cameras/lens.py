"""Lens models: where a ray is seen, and the ray of what is seen.

A ray (x, y, 1) appears at the pixel K (x', y', 1). With r^2 = x^2 + y^2:

* `radtan`, the radial-tangential model of OpenCV and ROS (Brown 1966), coefficients k1, k2, p1, p2
  [, k3 [, k4, k5, k6]]:
      x' = x g + 2 p1 x y + p2 (r^2 + 2 x^2),   y' = y g + p1 (r^2 + 2 y^2) + 2 p2 x y,
      g = (1 + k1 r^2 + k2 r^4 + k3 r^6) / (1 + k4 r^2 + k5 r^4 + k6 r^6);
* `equidistant`, fisheye lenses (Kannala and Brandt 2006), coefficients k1, k2, k3, k4:
      (x', y') = (x, y) a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8) / r,   a = atan(r).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MODELS = ("radtan", "equidistant")


class Lens(NamedTuple):
    """A model of `MODELS` and its coefficients in the order above; missing ones are 0."""

    model: str = "radtan"
    coefficients: tuple[float, ...] = ()

    @property
    def distorts(self) -> bool:
        """False for a pinhole camera. An equidistant lens without coefficients is none."""
        return self.model == "equidistant" or any(self.coefficients)

    def distort(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (x', y') in the plane at distance 1 of the rays (x, y, 1), arrays of one shape."""
        model = _equidistant if self.model == "equidistant" else _radial_tangential
        return model(x, y, self.coefficients)

    def undistort(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rays (x, y, 1) that appear at the places (x', y'): the inverse of `distort`.

        NaN where no ray is found: beyond 90 degrees, or where the model folds.
        """
        goal_x, goal_y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        x, y = _start(self.model, goal_x, goal_y)
        step = 1e-6
        with np.errstate(all="ignore"):
            for _ in range(30):  # Newton, with numeric derivatives
                at_x, at_y = self.distort(x, y)
                right, below = self.distort(x + step, y), self.distort(x, y + step)
                xx, yx = (right[0] - at_x) / step, (right[1] - at_y) / step
                xy, yy = (below[0] - at_x) / step, (below[1] - at_y) / step
                miss_x, miss_y = goal_x - at_x, goal_y - at_y
                det = xx * yy - xy * yx
                x = x + (yy * miss_x - xy * miss_y) / det
                y = y + (xx * miss_y - yx * miss_x) / det
            at_x, at_y = self.distort(x, y)
            found = np.hypot(goal_x - at_x, goal_y - at_y) < 1e-6
            # Beyond its fold a model maps rays of the other side to the same places.
            found &= (det > 0) & (x * goal_x + y * goal_y >= 0)
        return np.where(found, x, np.nan), np.where(found, y, np.nan)


def _radial_tangential(x, y, coefficients: Sequence[float]):
    k1, k2, p1, p2, k3, k4, k5, k6 = _padded(coefficients, 8)
    square = x**2 + y**2
    radial = 1 + square * (k1 + square * (k2 + square * k3))
    radial = radial / (1 + square * (k4 + square * (k5 + square * k6)))
    return (
        x * radial + 2 * p1 * x * y + p2 * (square + 2 * x**2),
        y * radial + p1 * (square + 2 * y**2) + 2 * p2 * x * y,
    )


def _equidistant(x, y, coefficients: Sequence[float]):
    radius = np.hypot(x, y)
    angle = np.arctan(radius)
    seen = angle * _polynomial(angle, coefficients)
    # On the axis the quotient is 0 / 0; its limit is 1.
    ratio = np.where(radius > 1e-9, seen / np.maximum(radius, 1e-9), 1.0)
    return x * ratio, y * ratio


def _polynomial(angle, coefficients):
    k1, k2, k3, k4 = _padded(coefficients, 4)
    square = angle**2
    return 1 + square * (k1 + square * (k2 + square * (k3 + square * k4)))


def _start(model: str, x, y):
    """First guess of the ray, near enough for Newton's method."""
    if model != "equidistant":
        return x, y
    # The angle of a lens without coefficients, at most 86 degrees.
    radius = np.hypot(x, y)
    ratio = np.tan(np.minimum(radius, 1.5)) / np.maximum(radius, 1e-9)
    ratio = np.where(radius > 1e-9, ratio, 1.0)
    return x * ratio, y * ratio


def _padded(coefficients, size: int) -> list[float]:
    return [*map(float, coefficients), *[0.0] * size][:size]
