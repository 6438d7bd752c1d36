"""The forward warp as one C++ operation, where it has been built (see `native.library`).

It computes what `streaming.py` computes, levels included, in one pass over the pixels: no
coordinate tensor, no padding, one exponential for each sample. CPU and float32 only; optional.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers.warp.levels import ForwardWarp
from aquanet_tf.native import library


def warp(target, planes, levels, image_gradient):
    """`ForwardWarp` of a `Target` in float32; arguments as `forward.forward_warp`.

    The gradient comes from the view alone; image_gradient=False gives the image zeros.
    Raises ValueError where the operation is not built.
    """
    operations = library.operations()
    if operations is None:
        raise ValueError(
            f"--warp_impl=native: {library.path()} is missing or does not load; "
            "build it with python -m aquanet_tf.native.build"
        )
    limits = {
        "inverse_depth_min": levels.inverse_depth_min,
        "inverse_depth_max": levels.inverse_depth_max,
    }
    masks = tf.stop_gradient(target.masks)

    @tf.custom_gradient
    def composite(image, logits, beta, plane):
        view, projected, occlusion, lse = operations.aquanet_warp(
            image=image, masks=masks, logits=logits, beta=beta, plane=plane, **limits
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
                **limits,
            )

        return (view, occlusion, projected), gradient

    view, occlusion, projected = composite(target.image, target.logits, target.beta, planes.matrix)
    return ForwardWarp(view, tf.stop_gradient(occlusion), tf.stop_gradient(projected))
