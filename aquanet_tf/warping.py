"""Adaptive forward warping (Eq. 1 and 2): the target image seen from a reference camera.

A reference pixel x sees the target's inverse-depth level d at the target pixel
q = a(x) + d b(x): exact, and affine in d, so a level costs two multiply-adds and no division.
With (R, t) = T_{target -> reference}, y = R^T K_c^{-1} (x, 1), r = y / y_3, s = R^T t:

    a = K_0 r,    b = K_0 (s_3 r - s)    (first two coordinates),    valid: y_3 > 0, 1 + d s_3 > 0

At every level the logits and the image are sampled at q_n(x); a softmax over the sampled logits
weighs the sampled colours. Samples that are invalid or off the image take no part. Nothing of
size [B,H,W,N,3] is ever kept: `streaming.py` walks the levels with an online softmax.
`composite` is the dense, readable form of the same thing, the reference of the tests.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import tensorflow as tf
from absl import logging

from aquanet_tf import camera, native_library, native_warp, pose, quantization, sampling, streaming
from aquanet_tf.sampling import MIN_FORWARD


class ForwardWarp(NamedTuple):
    """What a forward warp returns, all in the reference view.

    view: [B,H,W,C] synthesised image (Eq. 1), zero where no level is seen.
    occlusion: [B,H,W,1] in [0,1], no gradient: how much of the target is seen at the pixel.
    masks: [B,H,W,M], no gradient: the given target-view maps projected with the same weights.
    """

    view: tf.Tensor
    occlusion: tf.Tensor
    masks: tf.Tensor


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
            street synthesised 16 held-out views with a mean L1 on static pixels of 0.0476
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
    plane = plane_parameters(rotation, translation, k_target, k_reference)
    spec = streaming.LevelSpec(
        logits.shape[-1], inverse_depth_min, inverse_depth_max, beta_lookup == "fixed_point"
    )
    if masks is None:
        masks = image[..., :0]
    if implementation == "auto":
        implementation = chosen_implementation(logits.dtype)
    if implementation == "native":
        levels = native_warp.composite_levels(
            image, logits, beta, plane, masks, spec, image_gradient
        )
        return ForwardWarp(*levels)
    geometry = plane_coordinates(plane, logits.shape[1], logits.shape[2])
    if implementation == "tfa":
        return _dense_check(image, logits, beta, geometry, masks, spec)
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
    elif native_library.available():
        chosen, reason = "native", native_library.path().name
    else:
        chosen, reason = "xla", "not built: python -m aquanet_tf.build_native"
    logging.info("forward warp: %s (%s)", chosen, reason)
    return chosen


def composite(image, logits, coordinates, valid=None, sample=sampling.bilinear_sample):
    """Dense compositing from given sampling coordinates (Eq. 1 and 2). Gigabytes at full size.

    Args:
        image: [B,H,W,C]; logits: [B,H,W,N]; both of the target view.
        coordinates: [B,h,w,N,2] pixel coordinates in the target image, one for each level.
        valid: optional [B,h,w,N] bool; False takes a sample out.
        sample: the bilinear sampler, with the arguments and results of the default.

    Returns:
        (view [B,h,w,C], occlusion [B,h,w,1], weights [B,h,w,N]); weights are Eq. 2, zero where
        no level is seen.
    """
    probability = tf.nn.softmax(logits, axis=-1)
    scores, colours, mass, seen = [], [], [], []
    for n in range(logits.shape[-1]):
        source = tf.concat([logits[..., n : n + 1], probability[..., n : n + 1], image], axis=-1)
        values, inside = sample(source, coordinates[..., n, 0], coordinates[..., n, 1])
        ok = inside[..., 0] if valid is None else inside[..., 0] & valid[..., n]
        scores.append(tf.where(ok, values[..., 0], tf.fill(tf.shape(ok), _masked(logits))))
        mass.append(tf.where(ok, values[..., 1], tf.zeros_like(values[..., 1])))
        colours.append(values[..., 2:])
        seen.append(ok)
    seen = tf.stack(seen, axis=-1)
    weights = tf.nn.softmax(tf.stack(scores, axis=-1), axis=-1)
    weights = tf.where(seen, weights, tf.zeros_like(weights))
    view = tf.reduce_sum(weights[..., None] * tf.stack(colours, axis=-2), axis=-2)
    occlusion = tf.minimum(tf.reduce_sum(tf.stack(mass, axis=-1), axis=-1, keepdims=True), 1.0)
    return view, tf.stop_gradient(occlusion), weights


def level_coordinates(beta, a, b, forward, s3, levels, inverse_depth_min, inverse_depth_max):
    """q_n(x) for every level, aligned lookup: [B,H,W,N,2], and its validity [B,H,W,N].

    With `plane_coordinates` and `composite` this is the dense twin of `forward_warp`.
    """
    d = quantization.inverse_depth_levels(beta, levels, inverse_depth_min, inverse_depth_max)
    coordinates = a[..., None, :] + d[..., None] * b[..., None, :]
    valid = forward[..., None] & (1 + d * s3[:, None, None, None] > 0)
    return coordinates, valid


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


def _dense_check(image, logits, beta, geometry, masks, spec):
    """`forward_warp` on the independent resampler of tensorflow-addons."""
    from aquanet_tf import addons

    if spec.fixed_point:
        raise ValueError("--warp_impl=tfa knows --beta_lookup=aligned only")
    coordinates, valid = level_coordinates(
        beta, *geometry, spec.levels, spec.inverse_depth_min, spec.inverse_depth_max
    )
    source, channels = tf.concat([image, masks], axis=-1), image.shape[-1]
    mix, occlusion, _ = composite(source, logits, coordinates, valid, addons.bilinear_sample)
    return ForwardWarp(mix[..., :channels], occlusion, tf.stop_gradient(mix[..., channels:]))


def _masked(like):
    """A logit that never wins a softmax, finite so that nothing becomes NaN."""
    return tf.constant(streaming.MASKED, like.dtype)
