"""TODO docstring of aquanet_tf.layers.warp.planes."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import camera, pose
from aquanet_tf.geometry.camera import MIN_FORWARD
from aquanet_tf.layers import quantization


def plane_parameters(rotation, translation, k_target, k_reference):
    """The twelve numbers behind a and b: K_0 [R^T K_c^{-1} | s], [B,3,4].

    Rows [A | c] and [M | s_3]: y_3 = M x, a = A x / y_3, b = s_3 a - c.

    Args:
        rotation, translation: T_{target -> reference}, [B,3,3] and [B,3].
        k_target, k_reference: [B,3,3], pixels of the target image and of the reference view.
    """
    inverse_rotation, origin = pose.invert_pose(rotation, translation)  # origin is -s
    rays = inverse_rotation @ camera.invert_intrinsics(k_reference)
    return k_target @ tf.concat([rays, -origin[..., None]], axis=-1)


def plane_coordinates(plane, height, width):
    """The affine map of the module docstring, pixel by pixel: q(d) = a + d b.

    Args:
        plane: [B,3,4], see `plane_parameters`; height, width: of the reference view.

    Returns:
        a, b: [B, height, width, 2]; forward: [B, height, width] bool, y_3 > 0;
        s3: [B], for the level's test 1 + d s_3 > 0.
    """
    pixels = camera.pixel_grid(height, width, plane.dtype)
    rays = tf.einsum("bij,hwj->bhwi", plane[..., :3], pixels)
    forward = rays[..., 2] > MIN_FORWARD
    a = rays[..., :2] / tf.where(forward, rays[..., 2], tf.ones_like(rays[..., 2]))[..., None]
    s = plane[:, None, None, :, 3]
    return a, s[..., 2:] * a - s[..., :2], forward, plane[:, 2, 3]


def level_coordinates(beta, a, b, forward, s3, levels, inverse_depth_min, inverse_depth_max):
    """q_n(x) for every level, aligned lookup: [B,H,W,N,2], and its validity [B,H,W,N].

    With `plane_coordinates` and `composite` this is the dense twin of `forward_warp`.
    """
    d = quantization.inverse_depth_levels(beta, levels, inverse_depth_min, inverse_depth_max)
    coordinates = a[..., None, :] + d[..., None] * b[..., None, :]
    valid = forward[..., None] & (1 + d * s3[:, None, None, None] > 0)
    return coordinates, valid
