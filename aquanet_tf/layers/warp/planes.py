"""Where a reference pixel sees the inverse-depth planes of the target: the warp g of Eq. 1 and 2.

A pixel x of the reference view sees the plane of inverse depth d at the target pixel

    q(d) = a + d b,

exact, and affine in d, so a level costs two multiply-adds and no division. With (R, t) the motion
T_{target -> reference}, y = R^T K_c^{-1} (x, 1), r = y / y_3 and s = R^T t (K_0: target, K_c:
reference):

    a = K_0 r,    b = K_0 (s_3 r - s)    (first two coordinates).

The plane is in front of both cameras where y_3 > 0 and 1 + d s_3 > 0. As a matrix K_0 [R^T K_c^{-1}
| s] with the rows [A | c] and [M | s_3]: y_3 = M x, a = A x / y_3, b = s_3 a - c.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from aquanet_tf.geometry import camera
from aquanet_tf.geometry.camera import MIN_FORWARD
from aquanet_tf.layers import quantization


class Coordinates(NamedTuple):
    """q(d) = a + d b for every pixel of the reference view.

    a, b: [B,H,W,2] pixels of the target; forward: [B,H,W] bool, y_3 > 0; s3: [B], for the test
    1 + d s_3 > 0 of a level.
    """

    a: tf.Tensor
    b: tf.Tensor
    forward: tf.Tensor
    s3: tf.Tensor

    def of_levels(self, beta, levels):
        """q_n(x) of every level at once: (coordinates [B,H,W,N+1,2], valid [B,H,W,N+1] bool).

        beta: [B,H,W,1], of the target; it is smooth, so it is read at x instead of q_n(x).
        levels: `levels.Levels`.
        """
        d = quantization.inverse_depth_levels(beta, *levels)
        coordinates = self.a[..., None, :] + d[..., None] * self.b[..., None, :]
        valid = self.forward[..., None] & (1 + d * self.s3[:, None, None, None] > 0)
        return coordinates, valid


class Planes(NamedTuple):
    """The inverse-depth planes of a target camera as a reference camera sees them.

    matrix: K_0 [R^T K_c^{-1} | s], [B,3,4], see the module docstring.
    """

    matrix: tf.Tensor

    @classmethod
    def between(cls, motion, k_target, k_reference) -> Planes:
        """The planes of two cameras.

        Args:
            motion: pose.Motion T_{target -> reference}, [B,3,3] and [B,3].
            k_target, k_reference: intrinsics [B,3,3], pixels of the target image and of the
                reference view.
        """
        inverse = motion.inverse()  # its translation is -s
        rays = inverse.rotation @ camera.invert_intrinsics(k_reference)
        return cls(k_target @ tf.concat([rays, -inverse.translation[..., None]], axis=-1))

    def coordinates(self, height, width) -> Coordinates:
        """`Coordinates` for the pixels of a reference view of height x width."""
        pixels = camera.pixel_grid(height, width, self.matrix.dtype)
        rays = tf.einsum("bij,hwj->bhwi", self.matrix[..., :3], pixels)
        forward = rays[..., 2] > MIN_FORWARD
        a = rays[..., :2] / tf.where(forward, rays[..., 2], tf.ones_like(rays[..., 2]))[..., None]
        s = self.matrix[:, None, None, :, 3]
        return Coordinates(a, s[..., 2:] * a - s[..., :2], forward, self.matrix[:, 2, 3])
