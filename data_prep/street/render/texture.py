"""Procedural textures of the street: 1/f noise with anisotropic prefiltering, and stripes.

Everything is a function of a surface coordinate (meters) and of the size of a pixel's footprint
on that surface, so that a surface point keeps its color from frame to frame and far surfaces
fade to their mean instead of flickering. Photometric learning needs both.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

TILE = 512
LEVELS = 9
_SHRINK = np.ldexp(np.float32(1.0), -np.arange(LEVELS))


def fractal_tile(rng, size=TILE, chroma=0.55):
    """Periodic 1/f noise [size, size, 3] float32: each octave holds the same energy.

    The three channels share a luminance and differ by `chroma` times a noise of their own, which
    gives colored blotches. Zero mean; the standard deviation of a channel is 1.
    """
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = 1.0
    amplitude = 1.0 / frequency
    amplitude[0, 0] = 0.0
    white = rng.standard_normal((4, size, size))
    noise = np.fft.irfft2(np.fft.rfft2(white) * amplitude, s=(size, size))
    noise /= noise.std(axis=(1, 2), keepdims=True)
    tile = np.moveaxis(noise[:1] + chroma * noise[1:], 0, -1)
    return (tile / tile.std(axis=(0, 1))).astype(np.float32)


class Ripmap:
    """A periodic tile averaged over every pair (2^i, 2^j) of box widths, sampled smoothly.

    A mipmap would blur far ground in both directions; a pixel there is many times longer along
    the road than across it, and this keeps the sharp direction sharp.
    """

    def __init__(self, tile):
        self._size = tile.shape[0]
        texels, self._offsets = [], np.zeros((LEVELS, LEVELS), np.int32)
        rows, start = tile, 0
        for i in range(LEVELS):
            level = rows
            for j in range(LEVELS):
                self._offsets[i, j] = start
                texels.append(level.reshape(-1, 3))
                start += level.shape[0] * level.shape[1]
                level = 0.5 * (level[:, 0::2] + level[:, 1::2])
            rows = 0.5 * (rows[0::2] + rows[1::2])
        # Four channels of four bytes are one complex number, which NumPy looks up at once.
        padded = np.zeros((start, 4), np.float32)
        padded[:, :3] = np.concatenate(texels)
        self._texels = padded.view(np.complex128)[:, 0]

    def sample(self, u, v, width_u, width_v, meters_per_texel, channels=3):
        """Noise [channels, n] float32 at (u, v) [n] meters, averaged over width_u x width_v meters.

        channels: the first ones of the tile.
        """
        scale = 1.0 / meters_per_texel
        u, v = self._wrap(u * scale), self._wrap(v * scale)
        level_u, part_u = _level(width_u * scale)
        level_v, part_v = _level(width_v * scale)
        total = np.zeros((channels, u.size), np.float32)
        # A point whose box has the width of a level needs that level alone, as all near ones do.
        for two_u, two_v in itertools.product((False, True), repeat=2):
            mine = np.flatnonzero(((part_u > 0) == two_u) & ((part_v > 0) == two_v))
            if mine.size:
                columns = self._lookups(u[mine], level_u[mine], part_u[mine], two_u)
                rows = self._lookups(v[mine], level_v[mine], part_v[mine], two_v)
                total[:, mine] = self._blend(columns, rows, channels)
        return total

    def _blend(self, columns, rows, channels):
        """Weighted sum [channels, n] over all pairs of a column and a row."""
        total = np.zeros((channels, columns[0].part.size), np.float32)
        texels, product = np.empty(total.shape[1], np.complex128), np.empty(total.shape[1])
        planes = texels.view(np.float32).reshape(-1, 4).T
        for row in rows:
            for column in columns:
                base = self._offsets.ravel().take(row.level * LEVELS + column.level)
                shift, weight = 9 - column.level, row.share * column.share
                for y, weight_y in ((row.first, 1.0 - row.part), (row.second, row.part)):
                    start, weight_y = base + (y << shift), weight * weight_y
                    for x, weight_x in (
                        (column.first, 1.0 - column.part),
                        (column.second, column.part),
                    ):
                        place, factor = (start + x).astype(np.intp), weight_y * weight_x
                        np.take(self._texels, place, out=texels, mode="clip")
                        for plane, part in zip(total, planes):
                            plane += np.multiply(part, factor, out=product)
        return total

    def _wrap(self, x):
        """Into [0, size) while still in double precision."""
        x = np.asarray(x, np.float64)
        return (x - np.floor(x * (1.0 / self._size)) * self._size).astype(np.float32)

    def _lookups(self, x, level, part, both):
        """The Lookups of one axis: at its level and, where `both`, at the next one too."""
        if not both:
            return [self._lookup(x, level, 1.0 - part)]
        return [self._lookup(x, level, 1.0 - part), self._lookup(x, level + 1, part)]

    def _lookup(self, x, level, share):
        position = x * _SHRINK.take(level) - np.float32(0.5)
        first = np.floor(position)
        part = position - first
        first = first.astype(np.int32)
        mask = (self._size >> level) - 1
        return _Lookup(level, share, first & mask, (first + 1) & mask, part)


class _Lookup(NamedTuple):
    """The two texels about each point at its level of one axis, and the second's weight `part`.
    share: the weight of the level. Arrays [n]."""

    level: np.ndarray
    share: np.ndarray
    first: np.ndarray
    second: np.ndarray
    part: np.ndarray


def _level(width):
    """Level [n] of the map for boxes of that width in texels, and how far the next one is [n]."""
    wide = np.maximum(width, 1.0)
    exact = np.log2(wide, out=np.zeros_like(wide), where=wide > 1.0).astype(np.float32)
    exact = np.minimum(exact, np.float32(LEVELS - 1.001))
    level = exact.astype(np.int32)
    return level, exact.astype(np.float64) - level


def band(x, low, high, width):
    """Share of the box [x - width/2, x + width/2] inside [low, high]; any broadcastable shapes."""
    inside = np.minimum(x + 0.5 * width, high) - np.maximum(x - 0.5 * width, low)
    return np.clip(inside / width, 0.0, 1.0)


def pulses(x, period, duty, width):
    """Share of the box of that width about x on which frac(x / period) < duty: exact average."""
    low, high = (x - 0.5 * width) / period, (x + 0.5 * width) / period
    return (_pulse_integral(high, duty) - _pulse_integral(low, duty)) / (high - low)


def _pulse_integral(x, duty):
    whole = np.floor(x)
    return whole * duty + np.minimum(x - whole, duty)


def hashed(i, j, salt=0.0):
    """A reproducible pseudo-random number in [0, 1) for each pair of whole numbers."""
    x = np.sin(i * 12.9898 + j * 78.233 + salt * 37.719) * 43758.5453
    return x - np.floor(x)
