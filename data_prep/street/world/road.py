"""The course of the road: a smooth center line and road coordinates of any ground point.

Road coordinates are s (meters along the center line) and l (meters to the right of it). The center
line starts at the world's origin and leads, on average, along z.
"""

from __future__ import annotations

import numpy as np

STEP = 0.5
CELL = 1.0
MARGIN = 70.0


class Road:
    """A random center line with heading (radians, to the right) and its inverse mapping."""

    def __init__(self, rng, start, end):
        self._start = start
        s = np.arange(start, end + STEP, STEP)
        heading = np.zeros_like(s)
        bend = rng.choice([0.1, 0.4, 1.0], p=[0.4, 0.4, 0.2])
        for length, strength in ((rng.uniform(110, 200), 0.75), (rng.uniform(50, 90), 0.16)):
            swing = bend * strength * rng.uniform(0.6, 1.0)
            heading += swing * np.sin(2 * np.pi * (s / length + rng.uniform()))
        heading -= np.interp(0.0, s, heading)
        self._s, self._heading = s, heading
        self._x = _integrate(s, np.sin(heading))
        self._z = _integrate(s, np.cos(heading))
        self._grid_origin, self._grid = self._road_coordinates()

    def point(self, s, l=0.0):  # noqa: E741
        """World (x, z) and heading of road coordinates; arrays of equal shape."""
        heading = np.interp(s, self._s, self._heading)
        x = np.interp(s, self._s, self._x) + l * np.cos(heading)
        z = np.interp(s, self._s, self._z) - l * np.sin(heading)
        return x, z, heading

    def locate(self, x, z):
        """Road coordinates (s, l, heading) of ground points, by interpolation in a 1 m grid."""
        gx = (x - self._grid_origin[0]) / CELL
        gz = (z - self._grid_origin[1]) / CELL
        gx = np.clip(gx, 0, self._grid.shape[0] - 1.001)
        gz = np.clip(gz, 0, self._grid.shape[1] - 1.001)
        i, j = gx.astype(np.int64), gz.astype(np.int64)
        fx, fz = (gx - i)[:, None], (gz - j)[:, None]
        flat, width = self._grid.reshape(-1, 3), self._grid.shape[1]
        first = i * width + j
        low = flat[first] * (1 - fz) + flat[first + 1] * fz
        high = flat[first + width] * (1 - fz) + flat[first + width + 1] * fz
        return tuple((low * (1 - fx) + high * fx).T)

    def _road_coordinates(self):
        """(s, l, heading) of the nearest center-line point for each grid node [nx, nz, 3]."""
        low = np.array([self._x.min(), self._z.min()]) - MARGIN
        high = np.array([self._x.max(), self._z.max()]) + MARGIN
        xs, zs = (np.arange(a, b + CELL, CELL) for a, b in zip(low, high))
        grid = np.empty((xs.size, zs.size, 3))
        for row, x in zip(grid, xs):
            dx = x - self._x[None, :]
            dz = zs[:, None] - self._z[None, :]
            k = np.argmin(dx * dx + dz * dz, axis=1)
            sin, cos = np.sin(self._heading[k]), np.cos(self._heading[k])
            dx, dz = x - self._x[k], zs - self._z[k]
            row[:, 0] = self._s[k] + dx * sin + dz * cos
            row[:, 1] = dx * cos - dz * sin
            row[:, 2] = self._heading[k]
        return low, grid


def _integrate(s, slope):
    """Trapezoid integral of slope over s, zero where s is zero."""
    total = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * STEP)])
    return total - np.interp(0.0, s, total)
