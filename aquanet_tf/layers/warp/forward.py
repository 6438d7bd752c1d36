"""Adaptive forward warping (Eq. 1 and 2): the target image seen from a reference camera.

A reference pixel x sees the target's level of inverse depth d_n(beta) at the target pixel
q_n(x) = a(x) + d_n b(x) (`planes.py`). At every level the logits and the image are sampled at
q_n(x); a softmax over the sampled logits weighs the sampled colors. Samples that are behind a
camera or off the image take no part. beta is read at x, not at q_n(x): it is smooth, and reading
it where the sample lands gave the same views and no better training (docs/method.md).

Three files compute the same: `dense.py`, with all levels in memory, is the one to read;
`streaming.py` walks the levels with an online softmax, so that nothing of size [B,H,W,N,3] is
kept; `native.py` is the C++ operation. `tfa_check.py` is `dense.py` on another sampler.
"""

from __future__ import annotations

import functools

import tensorflow as tf
from absl import logging

from aquanet_tf.geometry.pose import Motion
from aquanet_tf.layers.warp import native, streaming, tfa_check
from aquanet_tf.layers.warp.levels import Levels, Target
from aquanet_tf.layers.warp.planes import Planes
from aquanet_tf.native import library


def forward_warp(target, planes, levels, *, implementation="auto", image_gradient=True):
    """Warps the maps of the target view into a reference view.

    Args:
        target: levels.Target, float32 or float64.
        planes: planes.Planes of the target camera and the reference camera.
        levels: levels.Levels.
        implementation: `native` (C++ on the CPU, float32), `xla`, `streaming` (the same loop, not
            compiled), `tfa` (dense, on the resampler of tensorflow-addons: a check), or `auto`:
            native where it is built, the maps are float32 and there is no GPU, else xla.
        image_gradient: False gives the image no gradient, which is faster; for images that are
            data, as in training.

    Returns a levels.ForwardWarp. Gradients reach image, logits, beta and planes through the view
    only. Raises ValueError where the named implementation is not available.
    """
    if target.masks is None:
        target = target._replace(masks=target.image[..., :0])
    if implementation == "auto":
        implementation = chosen_implementation(target.logits.dtype)
    if implementation == "native":
        return native.warp(target, planes, levels, image_gradient)
    if implementation == "tfa":
        return tfa_check.warp(target, planes, levels)
    return streaming.warp(target, planes, levels, image_gradient, xla=implementation == "xla")


@functools.cache
def chosen_implementation(dtype):
    """The implementation that `auto` means here; the choice is logged once."""
    if tf.config.list_physical_devices("GPU"):
        chosen, reason = "xla", "there is a GPU"
    elif dtype != tf.float32:
        chosen, reason = "xla", f"the native operation does not take {dtype.name}"
    elif library.available():
        chosen, reason = "native", library.path().name
    else:
        chosen, reason = "xla", "not built: python -m aquanet_tf.native.build"
    logging.info("forward warp: %s (%s)", chosen, reason)
    return chosen


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class AdaptiveForwardWarp(tf.keras.layers.Layer):
    """Synthesizes the view of a reference camera from the target image (Eq. 1 and 2).

    `forward_warp` as a layer without weights, in float32 whatever the precision policy.

    Args:
        inverse_depth_min, inverse_depth_max: range of the levels [d_min, d_max], relative units.
        implementation, image_gradient: see `forward_warp`; here the image is data by default and
            gets no gradient.

    Call arguments:
        image: [B,H,W,C]; logits: [B,H,W,N+1]; beta: [B,H,W,1]; of the target view.
        motion: (R, t) of T_{target -> reference}, [B,3,3] and [B,3], as pose.Motion or tuple.
        k_target, k_reference: intrinsics [B,3,3], pixels of the target image and of the
            reference view, both H x W.
        masks: optional [B,H,W,M], maps of the target view to warp with the same weights.

    Returns a ForwardWarp: view [B,H,W,C], occlusion [B,H,W,1], masks [B,H,W,M], all in the
    reference view; the last two have no gradient.

    Example:

    >>> import tensorflow as tf
    >>> from aquanet_tf.geometry import pose
    >>> image, logits = tf.random.uniform([1, 8, 12, 3]), tf.random.normal([1, 8, 12, 33])
    >>> beta = tf.ones([1, 8, 12, 1])
    >>> motion = pose.se3_exp(tf.constant([[0.1, 0.0, 0.5, 0.0, 0.01, 0.0]]))
    >>> k = tf.constant([[[10.0, 0.0, 5.5], [0.0, 10.0, 3.5], [0.0, 0.0, 1.0]]])
    >>> warped = AdaptiveForwardWarp()(image, logits, beta, motion, k, k)
    >>> tuple(warped.view.shape), tuple(warped.occlusion.shape)
    ((1, 8, 12, 3), (1, 8, 12, 1))
    """

    def __init__(
        self,
        inverse_depth_min=0.005,
        inverse_depth_max=0.3,
        implementation="auto",
        image_gradient=False,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.inverse_depth_min = inverse_depth_min
        self.inverse_depth_max = inverse_depth_max
        self.implementation = implementation
        self.image_gradient = image_gradient
        self.built = True  # no weights; Keras 3 refuses to distribute a model with unbuilt layers

    def call(self, image, logits, beta, motion, k_target, k_reference, masks=None):
        image, logits, beta = (tf.cast(value, tf.float32) for value in (image, logits, beta))
        return forward_warp(
            Target(image, logits, beta, masks),
            Planes.between(Motion(*motion), k_target, k_reference),
            Levels(logits.shape[-1], self.inverse_depth_min, self.inverse_depth_max),
            implementation=self.implementation,
            image_gradient=self.image_gradient,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "inverse_depth_min": self.inverse_depth_min,
            "inverse_depth_max": self.inverse_depth_max,
            "implementation": self.implementation,
            "image_gradient": self.image_gradient,
        }
