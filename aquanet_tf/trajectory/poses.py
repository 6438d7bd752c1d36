"""Camera poses as matrices. NumPy only.

A pose is camera-to-world, [4, 4], and maps points of the camera frame (x right, y down, z forward)
to the world, which is the camera frame of the first image. A motion T_{a->b}, [4, 4], maps points
of camera frame a to camera frame b.
"""

from __future__ import annotations

import numpy as np


def matrices(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """[..., 4, 4] from rotations [..., 3, 3] and translations [..., 3]."""
    upper = np.concatenate([rotation, np.asarray(translation)[..., None]], axis=-1)
    last = np.broadcast_to([0.0, 0.0, 0.0, 1.0], (*upper.shape[:-2], 1, 4))
    return np.concatenate([upper, last], axis=-2)


def chain(motions: np.ndarray) -> np.ndarray:
    """Poses [N+1, 4, 4] from motions [N, 4, 4] of each frame to the one before: T_{i+1 -> i}."""
    path = [np.eye(4)]
    for motion in motions:
        path.append(path[-1] @ motion)
    return np.stack(path)


def from_first(path: np.ndarray) -> np.ndarray:
    """The same poses in the camera frame of the first, [N, 4, 4]."""
    return np.linalg.inv(path[0]) @ path


def forward(count: int) -> np.ndarray:
    """[count, 4, 4]: one unit straight ahead each frame, the baseline that sees nothing."""
    path = np.tile(np.eye(4), (count, 1, 1))
    path[:, 2, 3] = np.arange(count)
    return path


def length(path: np.ndarray) -> float:
    """Length of the path through the positions, in their unit."""
    return float(np.linalg.norm(np.diff(path[:, :3, 3], axis=0), axis=1).sum())


def quaternions(rotation: np.ndarray) -> np.ndarray:
    """[N, 4] unit quaternions (x, y, z, w), w >= 0, of rotations [N, 3, 3].

    The eigenvector of the largest eigenvalue of a symmetric matrix (Bar-Itzhack 2000), exact for
    every angle.
    """
    r = np.asarray(rotation, np.float64)
    skew = np.stack(
        [r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]], axis=-1
    )
    trace = np.trace(r, axis1=1, axis2=2)
    matrix = np.empty((len(r), 4, 4))
    matrix[:, :3, :3] = r + r.transpose(0, 2, 1) - trace[:, None, None] * np.eye(3)
    matrix[:, :3, 3] = matrix[:, 3, :3] = skew
    matrix[:, 3, 3] = trace
    vectors = np.linalg.eigh(matrix)[1][..., -1]
    return np.where(vectors[:, 3:] < 0, -vectors, vectors)
