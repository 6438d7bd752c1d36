"""The painted faces of solids: window grids, wheels, lights, glass, signs."""

from __future__ import annotations

import numpy as np

from data_prep.street.render.texture import band, hashed, pulses
from data_prep.street.world import solids

REAR_FACE = 4


def paint(kind, index, face, u, v, width_u, width_v, noise, moment):
    """Unlit colors [n, 3] of surface points.

    Args:
      kind, index, face: [n] pattern, solid and face of each point.
      u, v: [n] meters on the face; u from its middle, v up from its lower edge.
      width_u, width_v: [n] meters, the pixel's footprint.
      noise: [n, 3] relative brightness, already scaled by the solid's contrast.
      moment: street_scene.Moment.
    """
    base = moment.base.astype(np.float32)[index]
    painters = {
        solids.FACADE: _facade,
        solids.CAR_SIDE: _car_side,
        solids.CAR_END: _car_end,
        solids.GLASS: _glass,
        solids.SIGN: _sign,
    }
    for name, painter in painters.items():
        mine = np.flatnonzero(kind == name)
        if mine.size:
            k = index[mine]
            across = np.where(face[mine] < 2, moment.half[k, 2], moment.half[k, 0])
            base[mine] = painter(
                base[mine], moment.accent[k], u[mine], v[mine], width_u[mine], width_v[mine],
                across, 2 * moment.half[k, 1], moment.pitch[k], face[mine] == REAR_FACE, k,
            )  # fmt: skip
    return base * (1.0 + noise)


def _mix(color, other, share):
    return color + (other - color) * share[:, None]


def _facade(base, accent, u, v, wu, wv, across, height, pitch, rear, k):
    """Windows on a grid, a plinth, storey lines; each window has a brightness of its own."""
    pu, pv = pitch.T
    column, floor = u / pu + 0.25, (v - 0.9) / pv
    window = pulses(column, 1.0, 0.5, wu / pu) * pulses(floor, 1.0, 0.52, wv / pv)
    window *= band(v, 0.0, height - 0.5, wv) * band(u, -across + 0.4, across - 0.4, wu)
    vary = np.clip(1.4 - np.maximum(wu / pu, wv / pv), 0, 1)
    bright = 1.0 + vary * (1.6 * hashed(np.floor(column + 0.25), np.floor(floor + 0.24), k) - 0.8)
    color = _mix(base, base * 0.72, pulses(v, pv, 0.06, wv))
    color = _mix(color, base * np.array([0.6, 0.58, 0.6]), band(v, 0.0, 0.7, wv))
    return _mix(color, accent * bright[:, None], window)


def _car_side(base, accent, u, v, wu, wv, across, height, pitch, rear, k):
    """Two wheels, door seams, a dark sill."""
    color = _mix(base, accent, band(v, -1.0, 0.13, wv))
    seams = band(np.abs(u), 0.0, 0.02, wu) + band(np.abs(u - 0.22 * pitch[:, 0]), 0, 0.02, wu)
    color = _mix(color, base * 0.35, np.minimum(seams, 1.0) * band(v, 0.15, 2.0, wv))
    away = np.hypot(np.abs(u) - 0.31 * pitch[:, 0], v - 0.2)
    width = np.maximum(wu, wv)
    color = _mix(color, accent * 0.5, np.clip((0.33 - away) / width + 0.5, 0, 1))
    return _mix(color, np.full(3, 0.6), np.clip((0.17 - away) / width + 0.5, 0, 1))


def _car_end(base, accent, u, v, wu, wv, across, height, pitch, rear, k):
    """Bumper, number plate and lights, red at the rear."""
    color = _mix(base, accent, band(v, -1.0, 0.24, wv))
    plate = band(u, -0.26, 0.26, wu) * band(v, 0.28, 0.4, wv)
    color = _mix(color, np.array([0.92, 0.92, 0.85]), plate)
    lamp = band(np.abs(u), across - 0.38, across - 0.06, wu) * band(v, 0.45, 0.66, wv)
    return _mix(color, np.where(rear[:, None], [0.75, 0.06, 0.05], [0.97, 0.95, 0.8]), lamp)


def _glass(base, accent, u, v, wu, wv, across, height, pitch, rear, k):
    """Windows all round the cabin with pillars between."""
    pane = band(v, 0.07, height - 0.1, wv) * band(u, -across + 0.09, across - 0.09, wu)
    pillar = band(np.abs(u), 0.0, 0.04, wu) * (across > 0.9)
    return _mix(base, accent, pane * (1.0 - pillar))


def _sign(base, accent, u, v, wu, wv, across, height, pitch, rear, k):
    """A rim and a bar, or gray metal from behind."""
    x, y = np.abs(u) / across, np.abs(v / across - 1.0)
    inner = np.clip((0.75 - np.maximum(x, y)) * across / wu + 0.5, 0, 1)
    bar = band(y, 0.0, 0.22, wv / across) * band(x, 0.0, 0.5, wu / across)
    color = _mix(_mix(base, accent, inner), base * 0.6, bar)
    return np.where(rear[:, None], color, 0.5)
