"""The forward warp as one operation in C++, where it has been built (see `native_library`).

Computes what `streaming.py` computes, levels included, in one pass over the pixels: no coordinate
tensor, no padding, one exponential a sample. CPU and float32 only; never required.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.native import library


def composite_levels(image, logits, beta, plane, masks, spec, image_gradient):
    """`streaming.composite_levels` on `warping.plane_parameters`.

    Args:
        image: [B,H,W,C]; logits: [B,H,W,N+1]; beta: [B,H,W,1]; masks: [B,H,W,M]; float32.
        plane: [B,3,4], see `warping.plane_parameters`.
        spec: streaming.LevelSpec.
        image_gradient: False gives the image a gradient of zeros.

    Returns (view [B,H,W,C], occlusion [B,H,W,1], projected masks [B,H,W,M]); gradients from the
    view alone. Raises ValueError where the operation is not built.
    """
    operations = library.operations()
    if operations is None:
        raise ValueError(
            f"--warp_impl=native: {library.path()} is missing or does not load; "
            "build it with python -m aquanet_tf.native.build"
        )
    levels = {
        "inverse_depth_min": spec.inverse_depth_min,
        "inverse_depth_max": spec.inverse_depth_max,
        "fixed_point": spec.fixed_point,
    }
    masks = tf.stop_gradient(masks)

    @tf.custom_gradient
    def composite(image, logits, beta, plane):
        view, projected, occlusion, lse = operations.aquanet_warp(
            image=image, masks=masks, logits=logits, beta=beta, plane=plane, **levels
        )

        def gradient(d_view, *_):
            return operations.aquanet_warp_grad(
                image=image,
                logits=logits,
                beta=beta,
                plane=plane,
                view=view,
                lse=lse,
                d_view=d_view,
                image_gradient=image_gradient,
                **levels,
            )

        return (view, occlusion, projected), gradient

    view, occlusion, projected = composite(image, logits, beta, plane)
    return view, tf.stop_gradient(occlusion), tf.stop_gradient(projected)
