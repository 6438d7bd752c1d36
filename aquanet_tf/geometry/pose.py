"""Rigid motions of the camera (ego-motion): from a pose vector, and their exact inverse.

A pose vector is (tx, ty, tz, rx, ry, rz): translation in units of depth, rotation in radians.
Between two video frames both are small, so every formula is exact and differentiable at zero.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Motion(NamedTuple):
    """T_{a->b}: maps points of camera frame a into camera frame b, X_b = R X_a + t.

    rotation: R [..., 3, 3]; translation: t [..., 3], in units of depth.
    """

    rotation: tf.Tensor
    translation: tf.Tensor

    def inverse(self) -> Motion:
        """T_{b->a} = (R^T, -R^T t), exactly."""
        rotation = tf.linalg.matrix_transpose(self.rotation)
        return Motion(rotation, -tf.linalg.matvec(rotation, self.translation))


def skew(vector):
    """Cross-product matrix [..., 3, 3] of a vector [..., 3]."""
    x, y, z = tf.unstack(vector, axis=-1)
    zero = tf.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def se3_exp(vector):
    """`Motion` of a pose vector [..., 6] by the exponential map of SE(3).

    exp(-vector) is exactly the inverse motion, which the antisymmetric PoseNet relies on.
    R = I + A W + B W^2, t = (I + B W + C W^2) v with W = skew(rotation), A = sin(a)/a,
    B = (1 - cos(a))/a^2, C = (a - sin(a))/a^3 and a the angle.
    """
    vector = tf.convert_to_tensor(vector)
    v, w = vector[..., :3], vector[..., 3:]
    a, b, c = _rodrigues_factors(tf.reduce_sum(w * w, axis=-1)[..., None, None])
    cross = skew(w)
    cross2 = cross @ cross
    eye = tf.eye(3, dtype=vector.dtype)
    rotation = eye + a * cross + b * cross2
    translation = tf.linalg.matvec(eye + b * cross + c * cross2, v)
    return Motion(rotation, translation)


def euler_pose(vector):
    """`Motion` of a pose vector [..., 6]: R = Rx(rx) Ry(ry) Rz(rz), t as given.

    The form of the paper's predecessors (SfMLearner), used by `--pose_form=plain`.
    """
    vector = tf.convert_to_tensor(vector)
    (cx, cy, cz), (sx, sy, sz) = (tf.unstack(f(vector[..., 3:]), axis=-1) for f in (tf.cos, tf.sin))
    rows = [
        [cy * cz, -cy * sz, sy],
        [sx * sy * cz + cx * sz, cx * cz - sx * sy * sz, -sx * cy],
        [sx * sz - cx * sy * cz, cx * sy * sz + sx * cz, cx * cy],
    ]
    rotation = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
    return Motion(rotation, vector[..., :3])


def _rodrigues_factors(square):
    """A, B, C of `se3_exp` for squared angles; a series where the division would lose digits."""
    small = square < 0.25
    angle = tf.sqrt(tf.where(small, tf.ones_like(square), square))
    series_a = _series(square, 1.0, (6, 20, 42, 72, 110))
    series_b = _series(square, 1 / 2, (12, 30, 56, 90, 132))
    series_c = _series(square, 1 / 6, (20, 42, 72, 110, 156))
    a = tf.where(small, series_a, tf.sin(angle) / angle)
    b = tf.where(small, series_b, (1 - tf.cos(angle)) / angle**2)
    c = tf.where(small, series_c, (angle - tf.sin(angle)) / angle**3)
    return a, b, c


def _series(square, first, divisors):
    """first * (1 - x/d1 (1 - x/d2 (1 - ...))): six terms, exact to 1e-13 for x below 0.25."""
    value = tf.ones_like(square)
    for divisor in reversed(divisors):
        value = 1 - square / divisor * value
    return first * value
