"""Backward warping: the target view looked up in a reference image (DIRNet-BW, kick-start).

The usual synthesis of the field (SfMLearner, Monodepth2), at one inverse depth for each pixel. The
paper's own synthesis is the forward warp (`warp.forward`).
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import bilinear, camera
from aquanet_tf.geometry.camera import MIN_FORWARD


def backward_warp(reference, inverse_depth, rotation, translation, k_target, k_reference):
    """Synthesizes the target view by looking each target pixel up in a reference image.

    Args:
        reference: [B,H,W,C] reference image.
        inverse_depth: [B,H,W,1] of the target view (the paper's disparity), relative units.
        rotation, translation: T_{target -> reference}, [B,3,3] and [B,3].
        k_target, k_reference: [B,3,3] intrinsics in pixels of the two images.

    Returns:
        (view [B,H,W,C], inside [B,H,W,1] bool): zero and False where the target pixel projects
        outside the reference image or lies behind its camera.
    """
    height, width = inverse_depth.shape[1], inverse_depth.shape[2]
    rays = camera.pixel_rays(k_target, height, width)
    # K (R ray + d t) is K (R ray / d + t) without the division by inverse depth.
    points = tf.einsum("bij,bhwj->bhwi", rotation, rays)
    points += inverse_depth * translation[:, None, None, :]
    points = tf.einsum("bij,bhwj->bhwi", k_reference, points)
    front = points[..., 2] > MIN_FORWARD
    z = tf.where(front, points[..., 2], tf.ones_like(points[..., 2]))
    view, inside = bilinear.bilinear_sample(reference, points[..., 0] / z, points[..., 1] / z)
    inside = inside & front[..., None]
    return tf.where(inside, view, tf.zeros_like(view)), inside
