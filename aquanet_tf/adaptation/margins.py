"""What never moves in a driving video: the hood, burnt-in text, letterbox bars.

An edge that stays where it is has the same gradient in all frames, so the length of its mean
gradient is the mean length of its gradient. Where the scene moves, gradients of all directions
average out. Two kinds of such edges are looked for near a border: one that runs along most of it (a
hood, a dashboard, a bar), and strong short ones (characters). Lane markings stay, too, but they
run toward the horizon, so they never cover most columns of a band. NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

# Largest width in pixels that frames are looked at; larger ones are thinned out.
_WIDTH = 960
# Mean gradient divided by the mean length of gradients, and gray levels per pixel, of a fixed edge.
_FIXED, _EDGE = 0.6, 2.0
# The same of burnt-in characters, which are sharp.
_FIXED_TEXT, _EDGE_TEXT = 0.7, 8.0
# Height of the bands, share of the image; shares of a band's columns that must have such an edge.
_BAND, _ALONG, _ALONG_TEXT = 0.03, 0.6, 0.12
# Shares of the image, from the border, where they are looked for.
_REACH, _REACH_TEXT = 0.4, 0.12
# Gray levels of a black bar: mean, and standard deviation over the frames.
_BLACK, _CONSTANT = 20.0, 2.0
# Shares of fixed edges in the middle of the image, from which on it is unclear what is fixed to the
# camera, and from which on the camera itself does not move.
_UNCLEAR, _STILL = 0.2, 0.5


class Statistics:
    """Sums over frames from which fixed edges follow; `count` of them."""

    def __init__(self, frames: Iterable[np.ndarray]):
        """frames: uint8 [H, W, 3] of one size, spread over the video."""
        self.count, sums = 0, None
        for frame in frames:
            self.step = max(1, -(-frame.shape[1] // _WIDTH))
            self.shape = frame.shape[:2]
            gray = frame[:: self.step, :: self.step].astype(np.float32).mean(-1)
            dy, dx = np.gradient(gray)
            parts = np.stack([dx, dy, np.hypot(dx, dy), gray, gray**2])
            sums = parts if sums is None else sums + parts
            self.count += 1
        if not self.count:
            raise ValueError("no frame")
        self.dx, self.dy, self.length, self.gray, square = sums / self.count
        self.deviation = np.sqrt(np.maximum(square - self.gray**2, 0))

    @property
    def mean_length(self) -> np.ndarray:
        """Length of the mean gradient [h, w], gray levels per pixel."""
        return np.hypot(self.dx, self.dy)

    def fixed(self, share: float, edge: float) -> np.ndarray:
        """Bool [h, w]: pixels on an edge that stays."""
        return (self.mean_length > share * self.length) & (self.mean_length > edge)

    @property
    def fixed_share(self) -> float:
        """Share of the edges in the middle of the image that stay."""
        rows = slice(len(self.gray) // 4, len(self.gray) * 6 // 10)
        edges = (self.length > _EDGE)[rows]
        return float((self.fixed(_FIXED, _EDGE)[rows] & edges).sum() / max(edges.sum(), 1))

    @property
    def unclear(self) -> bool:
        """Whether too much stays to tell what is fixed to the camera."""
        return self.fixed_share > _UNCLEAR

    @property
    def still(self) -> bool:
        """Whether the whole image stays where it is: the camera does not move."""
        return self.fixed_share > _STILL


def find(seen: Statistics) -> tuple[int, int, int, int]:
    """(top, bottom, left, right): pixels of the frames as decoded to cut off each side."""
    black = (seen.gray < _BLACK) & (seen.deviation < _CONSTANT)
    along_rows = np.abs(seen.dy) > np.abs(seen.dx)
    fixed, text = seen.fixed(_FIXED, _EDGE), seen.fixed(_FIXED_TEXT, _EDGE_TEXT)
    found = []
    for axis, along in ((0, along_rows), (1, ~along_rows)):
        # As rows: the border is the first row of each map.
        maps = [np.moveaxis(each, axis, 0) for each in (black, fixed & along, text)]
        for turned in (maps, [each[::-1] for each in maps]):
            # Text runs along the upper and lower border only.
            found.append(_margin(*turned, with_text=axis == 0) * seen.step)
    # A black border of one pixel is usual, and harmless.
    return tuple(margin if margin > 2 else 0 for margin in found)


def _margin(black, edges, text, with_text: bool) -> int:
    """Rows to cut off before the first row that belongs to the scene."""
    rows = len(black)
    band = max(2, round(_BAND * rows))
    bars = black.mean(1) > 0.95
    margin = int(np.argmin(bars)) if not bars.all() else 0
    margin = max(margin, _last(_covered(edges, band) > _ALONG, band, round(_REACH * rows)))
    if with_text:
        reach = round(_REACH_TEXT * rows)
        margin = max(margin, _last(_covered(text, band) > _ALONG_TEXT, band, reach))
    return margin


def _covered(marked, band) -> np.ndarray:
    """Share of the columns with a marked pixel in the rows r .. r + band - 1, for every r."""
    windows = np.lib.stride_tricks.sliding_window_view(marked, band, axis=0)
    return windows.any(-1).mean(-1)


def _last(wanted, band, reach) -> int:
    """The row behind the last wanted band that lies within `reach`; 0: there is none."""
    places = np.flatnonzero(wanted[: max(reach - band, 0)])
    return int(places[-1]) + band if places.size else 0
