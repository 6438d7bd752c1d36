"""Pose files of KITTI and of TUM. NumPy only.

KITTI: one line per frame, the 12 numbers of the camera-to-world matrix [3, 4] by rows.
TUM:   one line per frame, `time x y z qx qy qz qw`; the time in seconds.
"""

from __future__ import annotations

import pathlib

import numpy as np

from aquanet_tf import files
from aquanet_tf.trajectory import poses


def write_kitti(path: str | pathlib.Path, matrices: np.ndarray) -> None:
    """Writes poses [N, 4, 4] as KITTI does."""
    _write(path, matrices[:, :3].reshape(len(matrices), 12), "%.9e")


def write_tum(path: str | pathlib.Path, matrices: np.ndarray, times: np.ndarray) -> None:
    """Writes poses [N, 4, 4] at `times` [N], seconds, as TUM does."""
    rotations = poses.quaternions(matrices[:, :3, :3])
    _write(path, np.column_stack([times, matrices[:, :3, 3], rotations]), "%.9f")


def read_kitti(path: str | pathlib.Path) -> np.ndarray:
    """Poses [N, 4, 4]. Raises ValueError naming the file and the line that is no pose."""
    rows = []
    for number, line in enumerate(files.read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = [float(part) for part in line.split()]
        except ValueError:
            row = []
        if len(row) != 12 or not np.isfinite(row).all():
            raise ValueError(f"{path}:{number}: expected the 12 numbers of a KITTI pose")
        rows.append(row)
    if not rows:
        raise ValueError(f"{path}: holds no pose")
    upper = np.reshape(rows, (-1, 3, 4))
    return poses.matrices(upper[..., :3], upper[..., 3])


def _write(path, rows, form):
    text = "\n".join(" ".join(form % value for value in row) for row in rows)
    with files.atomic(path) as temporary:
        pathlib.Path(temporary).write_text(f"{text}\n")
