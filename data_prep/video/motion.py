"""How much the camera moved between two frames, and how much of that is parallax.

Blocks of the reduced frames are matched by phase correlation (Kuglin and Hines 1975), which gives
a few dozen flow vectors. A rotation is fitted to them robustly. What it does not explain is
parallax, the only part of the motion from which depth can be learned. NumPy and Pillow only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from data_prep.dataset import thumbnails

WIDTH = 320
_BLOCK, _STEP = 64, 32
# Blocks with less contrast (standard deviation in gray levels) show nothing to match.
_CONTRAST = 4.0
# A peak of 1 is a perfect shift; unrelated blocks reach about 0.1.
_PEAK = 0.2


class Motion(NamedTuple):
    """Motion between two frames.

    difference: mean difference in gray levels, 0..255. flow, parallax: medians over blocks, in
    shares of the image width, of the length of the flow before and after the best rotation is
    subtracted. matched: share of the blocks with contrast that were found again, 0..1.
    """

    difference: float
    flow: float
    parallax: float
    matched: float


def reduced(frame: np.ndarray) -> np.ndarray:
    """Gray float32 [h, 320] of a frame uint8 [H, W, 3]; enlarged if it is smaller."""
    width, height = thumbnails.size_at(WIDTH, frame.shape)
    image = Image.fromarray(frame)
    return thumbnails.gray(image, (width, max(_BLOCK, height))).astype(np.float32)


def measure(before: np.ndarray, after: np.ndarray, focal: float) -> Motion:
    """Motion between two `reduced` frames of a camera whose focal length is `focal` widths."""
    difference = float(np.abs(after - before).mean())
    centers, first = _blocks(before)
    _, second = _blocks(after)
    shown = np.minimum(first.std((1, 2)), second.std((1, 2))) > _CONTRAST
    if not shown.any():
        return Motion(difference, 0.0, 0.0, 0.0)
    shifts, peaks = _shifts(first[shown], second[shown])
    found = peaks > _PEAK
    matched = float(found.mean())
    if found.sum() < 4:
        return Motion(difference, 0.0, 0.0, matched)
    centers, shifts = centers[shown][found], shifts[found]
    rest = shifts - _rotation_flow(centers, shifts, focal * WIDTH, before.shape)
    flow, parallax = (float(np.median(np.hypot(*v.T)) / WIDTH) for v in (shifts, rest))
    return Motion(difference, flow, parallax, matched)


def _blocks(image: np.ndarray):
    """Centers (x, y) [n, 2] and pixels [n, 64, 64] of overlapping blocks."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (_BLOCK, _BLOCK))
    windows = windows[::_STEP, ::_STEP]
    rows, columns = windows.shape[:2]
    y, x = np.mgrid[:rows, :columns] * _STEP + (_BLOCK - 1) / 2
    return np.stack([x.ravel(), y.ravel()], 1), windows.reshape(-1, _BLOCK, _BLOCK)


def _shifts(first: np.ndarray, second: np.ndarray):
    """(dx, dy) [n, 2] from blocks to blocks, to a fraction of a pixel, and peaks [n], 0..1."""
    line = np.hanning(_BLOCK)
    window = line[:, None] * line
    spectra = [np.fft.fft2((b - b.mean((1, 2), keepdims=True)) * window) for b in (first, second)]
    cross = np.conj(spectra[0]) * spectra[1]
    frequency = np.fft.fftfreq(_BLOCK)
    # High frequencies are noise and compression.
    smooth = np.exp(-((frequency[:, None] ** 2 + frequency**2) / (2 * 0.15**2)))
    surface = np.fft.ifft2(smooth * cross / (np.abs(cross) + 1e-6)).real / smooth.mean()
    best = surface.reshape(len(surface), -1).argmax(1)
    index = np.arange(len(surface))
    y, x = np.divmod(best, _BLOCK)
    peaks = surface[index, y, x]
    dx = x + _vertex(*(surface[index, y, (x + s) % _BLOCK] for s in (-1, 0, 1)))
    dy = y + _vertex(*(surface[index, (y + s) % _BLOCK, x] for s in (-1, 0, 1)))
    half = _BLOCK / 2
    return np.stack([(dx + half) % _BLOCK - half, (dy + half) % _BLOCK - half], 1), peaks


def _vertex(low, middle, high):
    """Place of the vertex of the parabola through three values at -1, 0, 1."""
    curve = low - 2 * middle + high
    return np.where(curve < 0, 0.5 * (low - high) / np.minimum(curve, -1e-12), 0.0)


def _rotation_flow(points, flow, focal: float, shape) -> np.ndarray:
    """Flow [n, 2] at `points` of the small rotation that fits `flow` best, least absolute error
    (reweighted least squares, so that cars and mismatches do not turn the camera)."""
    x, y = ((points - (np.array(shape[::-1]) - 1) / 2) / focal).T
    rows_u = np.stack([x * y, -(1 + x**2), y], 1) * focal
    rows_v = np.stack([1 + y**2, -x * y, -x], 1) * focal
    matrix = np.stack([rows_u, rows_v], 1)  # [n, 2, 3]
    weights = np.ones(len(points))
    for _ in range(10):
        root = np.sqrt(weights)[:, None]
        a, b = (matrix * root[..., None]).reshape(-1, 3), (flow * root).ravel()
        rotation = np.linalg.lstsq(a, b, rcond=None)[0]
        weights = 1 / np.maximum(np.hypot(*(flow - matrix @ rotation).T), 0.05)
    return matrix @ rotation
