"""Adaptive forward warping (Eq. 1 and 2): the target image seen from a reference camera.

A reference pixel x sees the target's inverse-depth level d at the target pixel
q = a(x) + d b(x): exact, and affine in d, so a level costs two multiply-adds and no division.
With (R, t) = T_{target -> reference}, y = R^T K_c^{-1} (x, 1), r = y / y_3, s = R^T t:

    a = K_0 r,    b = K_0 (s_3 r - s)    (first two coordinates),    valid: y_3 > 0, 1 + d s_3 > 0

At every level the logits and the image are sampled at q_n(x); a softmax over the sampled logits
weighs the sampled colors. Samples that are invalid or off the image take no part. Nothing of
size [B,H,W,N,3] is ever kept: `streaming.py` walks the levels with an online softmax.
`composite` is the dense, readable form of the same thing, the reference of the tests.
"""

from __future__ import annotations

import functools

import tensorflow as tf
from absl import logging

from aquanet_tf.layers.warp import native, planes, streaming, tfa_check
from aquanet_tf.layers.warp.levels import ForwardWarp, LevelSpec
from aquanet_tf.native import library


def forward_warp(
    image,
    logits,
    beta,
    rotation,
    translation,
    k_target,
    k_reference,
    *,
    inverse_depth_min=0.005,
    inverse_depth_max=0.3,
    masks=None,
    beta_lookup="aligned",
    implementation="auto",
    image_gradient=True,
):
    """Streaming forward warp of `image` into the reference view; see `ForwardWarp`.

    Args:
        image: [B,H,W,C] target image, float32 or float64.
        logits: [B,H,W,N+1], beta: [B,H,W,1], of the target view.
        rotation, translation: T_{target -> reference}, [B,3,3] and [B,3].
        k_target, k_reference: [B,3,3], pixels of the target image and of the reference view.
        inverse_depth_min, inverse_depth_max: level range, relative units.
        masks: optional [B,H,W,M] target-view maps to project along.
        beta_lookup: `aligned` reads the level map at index x, `fixed_point` where the sample
            lands (two iterations of q <- a + d_n(beta(q)) b). A run trained with `aligned` on the
            street synthesized 16 held-out views with a mean L1 on static pixels of 0.0476
            (aligned) and 0.0475 (fixed_point): beta is that smooth, so the cheaper is the default.
            Trained with it for 2400 steps (one seed), abs rel of static / moving held-out
            pixels was 0.207 / 1.53, with `aligned` 0.197 / 1.42.
        implementation: `native` (C++ on the CPU, see `native_warp`), `xla`, `streaming` (the same
            loop, not compiled), `tfa` (dense, on the resampler of tensorflow-addons: a check), or
            `auto`: native where it is built, float32 and without GPU, else xla.
        image_gradient: False leaves the image without gradient, for images that are data, as in
            training: with `xla` a step at the demo's size took 359 ms without and 440 ms with it
            (two cores, TensorFlow 2.15, two runs minutes apart).

    Gradients reach image, logits, beta, rotation, translation and both K through the view only.
    """
    plane = planes.plane_parameters(rotation, translation, k_target, k_reference)
    spec = LevelSpec(
        logits.shape[-1], inverse_depth_min, inverse_depth_max, beta_lookup == "fixed_point"
    )
    if masks is None:
        masks = image[..., :0]
    if implementation == "auto":
        implementation = chosen_implementation(logits.dtype)
    if implementation == "native":
        levels = native.composite_levels(image, logits, beta, plane, masks, spec, image_gradient)
        return ForwardWarp(*levels)
    geometry = planes.plane_coordinates(plane, logits.shape[1], logits.shape[2])
    if implementation == "tfa":
        return tfa_check.dense_check(image, logits, beta, geometry, masks, spec)
    xla = implementation == "xla"
    return ForwardWarp(
        *streaming.composite_levels(
            image, logits, beta, *geometry, masks, spec, xla, image_gradient
        )
    )


@functools.cache
def chosen_implementation(dtype):
    """What `auto` stands for; says so once in the log."""
    if tf.config.list_physical_devices("GPU"):
        chosen, reason = "xla", "there is a GPU"
    elif dtype != tf.float32:
        chosen, reason = "xla", f"{dtype.name} is not for the native operation"
    elif library.available():
        chosen, reason = "native", library.path().name
    else:
        chosen, reason = "xla", "not built: python -m aquanet_tf.native.build"
    logging.info("forward warp: %s (%s)", chosen, reason)
    return chosen


class AdaptiveForwardWarp(tf.keras.layers.Layer):
    """`forward_warp` as a layer without weights, float32 whatever the precision policy.

    Args:
        inverse_depth_min, inverse_depth_max, beta_lookup, implementation, image_gradient: as
            `forward_warp`; here the image is data by default and gets no gradient.

    Call arguments: those of `forward_warp`, by position. Returns a `ForwardWarp`.
    """

    def __init__(
        self,
        inverse_depth_min=0.005,
        inverse_depth_max=0.3,
        beta_lookup="aligned",
        implementation="auto",
        image_gradient=False,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.inverse_depth_min = inverse_depth_min
        self.inverse_depth_max = inverse_depth_max
        self.beta_lookup = beta_lookup
        self.implementation = implementation
        self.image_gradient = image_gradient
        self.built = True  # no weights; Keras 3 refuses to distribute a model with unbuilt layers

    def call(self, image, logits, beta, rotation, translation, k_target, k_reference, masks=None):
        image, logits, beta = (tf.cast(value, tf.float32) for value in (image, logits, beta))
        return forward_warp(
            image,
            logits,
            beta,
            rotation,
            translation,
            k_target,
            k_reference,
            inverse_depth_min=self.inverse_depth_min,
            inverse_depth_max=self.inverse_depth_max,
            masks=masks,
            beta_lookup=self.beta_lookup,
            implementation=self.implementation,
            image_gradient=self.image_gradient,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "inverse_depth_min": self.inverse_depth_min,
            "inverse_depth_max": self.inverse_depth_max,
            "beta_lookup": self.beta_lookup,
            "implementation": self.implementation,
            "image_gradient": self.image_gradient,
        }
