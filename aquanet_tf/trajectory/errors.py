"""Absolute trajectory error (ATE) of estimated poses [N, 4, 4] against true ones, in their unit.

`snippets` is the protocol of SfMLearner, which the field reports; `whole` aligns the whole path
once, with the library evo.
"""

from __future__ import annotations

import numpy as np

from aquanet_tf.trajectory import poses

SNIPPET = 5  # frames
ALIGNMENTS = ("sim3", "scale", "none")


def snippets(truth: np.ndarray, estimate: np.ndarray, frames: int = SNIPPET) -> dict[str, float]:
    """Mean and standard deviation of the ATE over all snippets of `frames` successive frames.

    Both paths of a snippet start at its first pose; the estimate is scaled by least squares; the
    error is sqrt(sum of squared distances) / frames, as SfMLearner and Monodepth2 compute it (not
    the root of the mean).
    """
    check(truth, len(estimate), frames)
    errors = []
    for start in range(len(truth) - frames + 1):
        part = slice(start, start + frames)
        true, other = (poses.from_first(path[part])[:, :3, 3] for path in (truth, estimate))
        error = _scale(true, other) * other - true
        errors.append(np.sqrt(np.sum(error**2)) / frames)
    return {"mean": float(np.mean(errors)), "std": float(np.std(errors)), "snippets": len(errors)}


def whole(truth: np.ndarray, estimate: np.ndarray, alignment: str) -> dict[str, float | str]:
    """rmse, mean, median and max distance of the positions after one alignment of the path, and
    the alignment.

    alignment: sim3 (rotation, translation and scale by Umeyama), scale (by least squares, both
    paths starting at the same pose), or none.

    Raises ValueError when evo is not installed.
    """
    check(truth, len(estimate), 3)
    try:
        from evo.core import metrics
        from evo.core.geometry import GeometryException
        from evo.core.trajectory import PosePath3D
    except ImportError as error:
        raise ValueError(
            "the error over the whole path needs evo: pip install 'aquanet-tf[odometry]'"
        ) from error
    true, other = (PosePath3D(poses_se3=list(poses.from_first(p))) for p in (truth, estimate))
    if alignment == "sim3":
        try:
            other.align(true, correct_scale=True)
        except GeometryException:  # a straight path; rounding decides whether evo notices
            rotation, shift, scale = _umeyama(true.positions_xyz, other.positions_xyz)
            other.scale(scale)
            other.transform(poses.matrices(rotation, shift))
    if alignment == "scale":
        other.scale(_scale(true.positions_xyz, other.positions_xyz))
    error = metrics.APE(metrics.PoseRelation.translation_part)
    error.process_data((true, other))
    statistics = error.get_all_statistics()
    return {
        **{name: float(statistics[name]) for name in ("rmse", "mean", "median", "max")},
        "alignment": alignment,
    }


def _umeyama(true, other) -> tuple[np.ndarray, np.ndarray, float]:
    """Rotation, translation and scale from positions `other` [N, 3] to `true` (Umeyama 1991).

    For a path on a line the rotation about it is open: every choice has the same error.
    """
    centers = true.mean(axis=0), other.mean(axis=0)
    true, other = true - centers[0], other - centers[1]
    left, values, right = np.linalg.svd(true.T @ other)
    signs = np.array([1.0, 1.0, np.linalg.det(left) * np.linalg.det(right)])
    rotation, square = left * signs @ right, np.sum(other**2)
    # 0 for an estimate that stands still, as in `_scale`.
    scale = float(values @ signs / square) if square > 0 else 0.0
    return rotation, centers[0] - scale * rotation @ centers[1], scale


def _scale(true, other) -> float:
    """Least-squares factor from positions `other` to `true`; 0 where `other` stands still."""
    square = np.sum(other**2)
    return float(np.sum(true * other) / square) if square > 0 else 0.0


def check(truth: np.ndarray, frames: int, least: int = SNIPPET) -> None:
    """Raises ValueError unless `truth` has one pose for each of at least `least` frames."""
    if len(truth) != frames:
        raise ValueError(
            f"--gt has {len(truth)} poses, the input {frames} frames (counted after --stride); "
            "give the poses of the same frames"
        )
    if frames < least:
        raise ValueError(f"{frames} frames; at least {least} are needed to measure errors")
