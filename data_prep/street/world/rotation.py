"""Rotations of the street's world: x right, y down, z forward, angles in radians.

Positive yaw turns forward (z) to the right (x), positive pitch raises the view.
"""

from __future__ import annotations

import numpy as np


def from_yaw(yaw):
    """Local-to-world rotations [..., 3, 3] about the vertical axis, for yaw [...]."""
    c, s = np.cos(yaw), np.sin(yaw)
    zero, one = np.zeros_like(c), np.ones_like(c)
    return _matrix((c, zero, s), (zero, one, zero), (-s, zero, c))


def camera_to_world(yaw, pitch, roll):
    """Rotations [..., 3, 3] of a camera, for angles [...]: roll first, then pitch, then yaw."""
    cp, sp, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    zero, one = np.zeros_like(cp), np.ones_like(cp)
    nod = _matrix((one, zero, zero), (zero, cp, -sp), (zero, sp, cp))
    tilt = _matrix((cr, -sr, zero), (sr, cr, zero), (zero, zero, one))
    return from_yaw(yaw) @ nod @ tilt


def _matrix(*rows):
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
