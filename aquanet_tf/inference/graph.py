"""Images in, inverse depth and beta out, at the images' own size. Plain tf ops, so that predict,
evaluate and every export run the very same steps."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import camera
from aquanet_tf.masks import spimo
from aquanet_tf.networks import estimate as networks_estimate
from aquanet_tf.networks import post_processing as networks_post_processing

MIN_WORKING_SIZE = 16


def working_size(height, width, working_height):
    """(height, width) the network works at for an image of height x width, aspect kept.

    Inverse depth grows with resolution (`--depth_scaling=proportional`), so a run keeps to one
    working height: that of its training images. Takes and returns int32 tensors or integers.
    """
    ratio = tf.cast(width, tf.float32) * working_height / tf.cast(height, tf.float32)
    working_width = tf.maximum(MIN_WORKING_SIZE, tf.cast(tf.round(ratio), tf.int32))
    if tf.executing_eagerly():
        return working_height, int(working_width)
    return working_height, working_width


def chosen_height(run, height):
    """Working height of a run for the flag --height: 0 stands for that of the training images.
    ValueError below 16 pixels."""
    if height and height < MIN_WORKING_SIZE:
        raise ValueError(
            f"--height={height}: must be at least {MIN_WORKING_SIZE} (or 0: as trained)"
        )
    return height or run.data["image_height"]


def infer(run, images, working_height=None, focal=None, post_processing="none"):
    """Depth of images of any one size; usable in graphs with unknown sizes.

    Args:
        run: checkpoints.Run (or anything with its config, aquanet and data).
        images: [B,H,W,3], uint8 or float in [0,1].
        working_height: height the network works at; default: that of the training images.
        focal: (fx / width, fy / height) of the camera, for runs with focal_planes; default: the
            training camera's.
        post_processing: one of metrics.POST_PROCESSINGS; more passes for inverse depth.

    Returns a dictionary of float32 maps [B,H,W,1]: `inverse_depth` (relative units; depth is its
    inverse) and `beta` (quantization parameter).
    """
    config = run.config
    inputs = network_inputs(run, images, working_height, focal)
    logits, beta = run.aquanet(*inputs)
    if post_processing == "none":
        inverse_depth = networks_estimate.decode(
            logits, beta, config.inverse_depth_min, config.inverse_depth_max
        )
    else:
        plain = networks_estimate.of_network(run.aquanet, config)
        estimate = networks_post_processing.post_processed(
            plain, post_processing, config.depth_scaling
        )
        inverse_depth = estimate(*inputs)
    size = tf.shape(images)[1:3]
    return {
        "inverse_depth": tf.image.resize(inverse_depth, size),
        "beta": tf.image.resize(beta, size),
    }


def infer_moving(run, images, working_height=None, focal=None, post_processing="none"):
    """The maps of `infer`, and with SPIMO's passes `moving_object_probability` (see
    `spimo.moving_probability`, 0 above the line of `spimo_ignore_top`) and `static_mask`: 0.0
    where it is 0.5 or more, which is where `moving_score` reaches the threshold; else 1.0."""
    score = moving_score(run, images, working_height, focal)
    probability = spimo.moving_probability(score, run.config)
    return {
        **infer(run, images, working_height, focal, post_processing),
        "moving_object_probability": probability,
        "static_mask": tf.cast(probability < 0.5, tf.float32),
    }


def moving_score(run, images, working_height=None, focal=None, config=None):
    """SPIMO's dispersion of depth [B,H,W,1], see `spimo`; likely moving where it reaches
    `config.spimo_threshold`, and 0 above the line of `spimo_ignore_top`.

    Arguments as `infer`; config: whose `spimo_` options count, default the run's own.
    """
    config = config or run.config
    inputs = network_inputs(run, images, working_height, focal)
    estimate = spimo.source(run.aquanet, run.config, config.spimo_source)
    value = spimo.dispersion_map(estimate, *inputs, config)
    value = tf.where(inputs[1][..., 1:] < config.spimo_ignore_top, 0.0, value)
    return tf.image.resize(value, tf.shape(images)[1:3])


def network_inputs(run, images, working_height=None, focal=None):
    """(images in [0,1] at working size, grid, K) for the depth network; arguments as `infer`."""
    if images.dtype == tf.uint8:
        images = tf.cast(images, tf.float32) / 255.0
    shape = tf.shape(images)
    height, width = working_size(shape[1], shape[2], working_height or run.data["image_height"])
    resized = tf.image.resize(images, [height, width], antialias=True)
    grid = camera.positional_grid(height, width)
    fx, fy = run.data["focal"] if focal is None else focal
    fx, fy = fx * tf.cast(width, tf.float32), fy * tf.cast(height, tf.float32)
    intrinsics = tf.linalg.diag(tf.stack([fx, fy, 1.0]))
    return resized, *(tf.repeat(value[None], shape[0], axis=0) for value in (grid, intrinsics))
