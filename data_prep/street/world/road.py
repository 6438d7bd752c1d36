"""The course of the road: a smooth center line and road coordinates of any ground point.

Road coordinates are s (meters along the center line) and l (meters to the right of it). The center
line starts at the world's origin and leads, on average, along z.
"""

from __future__ import annotations

import numpy as np

STEP = 0.5
CELL = 1.0
MARGIN = 70.0
BLOCK = 128


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
        low, high = (np.array([f(self._x), f(self._z)]) for f in (np.min, np.max))
        low, high = low - MARGIN, high + MARGIN
        self._nodes = tuple(np.arange(a, b + CELL, CELL) for a, b in zip(low, high))
        # (s, l, heading) of each node of the grid, set by _fill: a drive sees a small part of it.
        self._grid = np.full((3, self._nodes[0].size * self._nodes[1].size), np.nan)

    def point(self, s, l=0.0):  # noqa: E741
        """World (x, z) and heading of road coordinates; arrays of equal shape."""
        heading = np.interp(s, self._s, self._heading)
        x = np.interp(s, self._s, self._x) + l * np.cos(heading)
        z = np.interp(s, self._s, self._z) - l * np.sin(heading)
        return x, z, heading

    def locate(self, x, z):
        """Road coordinates (s, l, heading) of ground points, by interpolation in a 1 m grid."""
        (nx, nz), (x0, z0) = (nodes.size for nodes in self._nodes), (n[0] for n in self._nodes)
        gx = np.clip((x - x0) / CELL, 0, nx - 1.001)
        gz = np.clip((z - z0) / CELL, 0, nz - 1.001)
        i, j = gx.astype(np.int64), gz.astype(np.int64)
        fx, fz = gx - i, gz - j
        first = i * nz + j
        self._fill(first)
        planes = []
        for grid in self._grid:
            low = grid.take(first) * (1 - fz) + grid.take(first + 1) * fz
            high = grid.take(first + nz) * (1 - fz) + grid.take(first + nz + 1) * fz
            planes.append(low * (1 - fx) + high * fx)
        return tuple(planes)

    def _fill(self, first):
        """Sets the road coordinates, those of the nearest center-line point, of the four nodes of
        the cells numbered `first`, where they are not known yet."""
        nz = self._nodes[1].size
        used = np.zeros(self._grid.shape[1], bool)
        used[first] = True
        cells = np.flatnonzero(used)
        for corner in (1, nz, nz + 1):
            used[cells + corner] = True
        missing = np.flatnonzero(used & np.isnan(self._grid[0]))
        for start in range(0, missing.size, BLOCK):
            nodes = missing[start : start + BLOCK]
            x, z = self._nodes[0][nodes // nz], self._nodes[1][nodes % nz]
            dx, dz = x[:, None] - self._x, z[:, None] - self._z
            k = np.argmin(dx * dx + dz * dz, axis=1)
            sin, cos = np.sin(self._heading[k]), np.cos(self._heading[k])
            dx, dz = x - self._x[k], z - self._z[k]
            self._grid[0, nodes] = self._s[k] + dx * sin + dz * cos
            self._grid[1, nodes] = dx * cos - dz * sin
            self._grid[2, nodes] = self._heading[k]


def _integrate(s, slope):
    """Trapezoid integral of slope over s, zero where s is zero."""
    total = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * STEP)])
    return total - np.interp(0.0, s, total)
