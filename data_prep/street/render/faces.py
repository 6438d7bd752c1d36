"""The painted faces of solids: window grids, wheels, lights, glass, signs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_prep.street.render.texture import band, hashed, pulses
from data_prep.street.world import solids

REAR_FACE = 4
_RED, _WHITE = np.array([[[0.75], [0.06], [0.05]], [[0.97], [0.95], [0.8]]])


class Points(NamedTuple):
    """Points on the surfaces of solids: arrays [n], lengths in meters.

    solid, face: index in the Moment, and face as raycast.cast numbers them. pattern: one of
    solids.PLAIN ... solids.LEAVES. u, v: place on the face, u from its middle, v up from its lower
    edge. width_u, width_v: the size of a pixel there.
    """

    solid: np.ndarray
    face: np.ndarray
    pattern: np.ndarray
    u: np.ndarray
    v: np.ndarray
    width_u: np.ndarray
    width_v: np.ndarray


class Surface(NamedTuple):
    """Points of one pattern and what its painter needs to know: arrays [n], lengths in meters.

    base, accent: the two colors [3, n] of the solid. u, v, width_u, width_v: as in Points. across:
    half the width of the face. height: of the solid. pitch: size [2, n] of a pattern's cell. rear:
    True on the rear face. solid: index of the solid, for what differs from one to the next.
    """

    base: np.ndarray
    accent: np.ndarray
    u: np.ndarray
    v: np.ndarray
    width_u: np.ndarray
    width_v: np.ndarray
    across: np.ndarray
    height: np.ndarray
    pitch: np.ndarray
    rear: np.ndarray
    solid: np.ndarray


def paint(points, noise, moment):
    """Unlit colors [3, n] of Points on the solids of a scene.Moment.

    noise [3, n] is a relative brightness, already scaled by the solid's contrast.
    """
    painters = {
        solids.FACADE: _facade,
        solids.CAR_SIDE: _car_side,
        solids.CAR_END: _car_end,
        solids.GLASS: _glass,
        solids.SIGN: _sign,
    }
    colors = moment.base.T.astype(np.float32).take(points.solid, axis=1)
    for pattern, painter in painters.items():
        mine = np.flatnonzero(points.pattern == pattern)
        if mine.size:
            colors[:, mine] = painter(_surface(points, mine, colors.take(mine, axis=1), moment))
    return colors * (1.0 + noise)


def _surface(points, mine, base, moment):
    """The Surface of the points numbered `mine`, whose solids have the colors `base`."""
    solid, face = points.solid[mine], points.face[mine]
    half = moment.half.T.take(solid, axis=1)
    return Surface(
        base=base,
        accent=moment.accent.T.take(solid, axis=1),
        u=points.u[mine],
        v=points.v[mine],
        width_u=points.width_u[mine],
        width_v=points.width_v[mine],
        across=np.where(face < 2, half[2], half[0]),
        height=2 * half[1],
        pitch=moment.pitch.T.take(solid, axis=1),
        rear=face == REAR_FACE,
        solid=solid,
    )


def _mix(color, other, share):
    """Colors [3, n] mixed with a color or colors [3, 1 or n] by share [n]."""
    return color + (other - color) * share


def _facade(s):
    """Windows on a grid, a plinth, floor lines; each window has a brightness of its own."""
    pitch_u, pitch_v = s.pitch
    cell_u, cell_v = s.width_u / pitch_u, s.width_v / pitch_v
    column, floor = s.u / pitch_u + 0.25, (s.v - 0.9) / pitch_v
    window = pulses(column, 1.0, 0.5, cell_u) * pulses(floor, 1.0, 0.52, cell_v)
    window *= band(s.v, 0.0, s.height - 0.5, s.width_v) * band(
        s.u, -s.across + 0.4, s.across - 0.4, s.width_u
    )
    vary = np.clip(1.4 - np.maximum(cell_u, cell_v), 0, 1)
    chance = hashed(np.floor(column + 0.25), np.floor(floor + 0.24), s.solid)
    bright = 1.0 + vary * (1.6 * chance - 0.8)
    color = _mix(s.base, s.base * 0.72, pulses(s.v, pitch_v, 0.06, s.width_v))
    color = _mix(color, s.base * np.array([[0.6], [0.58], [0.6]]), band(s.v, 0.0, 0.7, s.width_v))
    return _mix(color, s.accent * bright, window)


def _car_side(s):
    """Two wheels, door seams, a dark sill."""
    away, length, wide = np.abs(s.u), s.pitch[0], s.width_u
    color = _mix(s.base, s.accent, band(s.v, -1.0, 0.13, s.width_v))
    seams = band(away, 0.0, 0.02, wide) + band(np.abs(s.u - 0.22 * length), 0, 0.02, wide)
    color = _mix(color, s.base * 0.35, np.minimum(seams, 1.0) * band(s.v, 0.15, 2.0, s.width_v))
    radius, width = np.hypot(away - 0.31 * length, s.v - 0.2), np.maximum(wide, s.width_v)
    color = _mix(color, s.accent * 0.5, np.clip((0.33 - radius) / width + 0.5, 0, 1))
    return _mix(color, np.full((3, 1), 0.6), np.clip((0.17 - radius) / width + 0.5, 0, 1))


def _car_end(s):
    """Bumper, license plate and lights, red at the rear."""
    color = _mix(s.base, s.accent, band(s.v, -1.0, 0.24, s.width_v))
    plate = band(s.u, -0.26, 0.26, s.width_u) * band(s.v, 0.28, 0.4, s.width_v)
    color = _mix(color, np.array([[0.92], [0.92], [0.85]]), plate)
    lamp = band(np.abs(s.u), s.across - 0.38, s.across - 0.06, s.width_u)
    lamp = lamp * band(s.v, 0.45, 0.66, s.width_v)
    return _mix(color, np.where(s.rear, _RED, _WHITE), lamp)


def _glass(s):
    """Windows all round the cabin with pillars between."""
    pane = band(s.v, 0.07, s.height - 0.1, s.width_v)
    pane = pane * band(s.u, -s.across + 0.09, s.across - 0.09, s.width_u)
    pillar = band(np.abs(s.u), 0.0, 0.04, s.width_u) * (s.across > 0.9)
    return _mix(s.base, s.accent, pane * (1.0 - pillar))


def _sign(s):
    """A rim and a bar, or gray metal from behind."""
    x, y = np.abs(s.u) / s.across, np.abs(s.v / s.across - 1.0)
    inner = np.clip((0.75 - np.maximum(x, y)) * s.across / s.width_u + 0.5, 0, 1)
    bar = band(y, 0.0, 0.22, s.width_v / s.across) * band(x, 0.0, 0.5, s.width_u / s.across)
    color = _mix(_mix(s.base, s.accent, inner), s.base * 0.6, bar)
    return np.where(s.rear, color, 0.5)
