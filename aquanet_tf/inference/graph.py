"""Images in; inverse depth (the paper's disparity) and beta out, at the size of the images.

Plain TensorFlow operations: prediction, evaluation and the SavedModel export run the same steps.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.config.rules import MIN_WORKING_SIZE
from aquanet_tf.geometry import camera
from aquanet_tf.masks import spimo
from aquanet_tf.networks import estimate as networks_estimate
from aquanet_tf.networks.post_processing import post_processed


def working_size(height, width, working_height):
    """(height, width) the network works at for an image of height x width, aspect kept.

    Inverse depth grows with resolution (`--depth_scaling=proportional`), so a run keeps one working
    height, that of its training images. Takes integers or int32 tensors; returns integers in eager
    mode, else tensors.
    """
    ratio = tf.cast(width, tf.float32) * working_height / tf.cast(height, tf.float32)
    working_width = tf.maximum(MIN_WORKING_SIZE, tf.cast(tf.round(ratio), tf.int32))
    if tf.executing_eagerly():
        return working_height, int(working_width)
    return working_height, working_width


def chosen_height(run, height):
    """Working height in pixels for the flag --height; 0: that of the run.

    Raises ValueError below 16 pixels.
    """
    if height and height < MIN_WORKING_SIZE:
        raise ValueError(
            f"--height={height}: must be at least {MIN_WORKING_SIZE} (or 0: as trained)"
        )
    return height or run.working_height


def infer(run, images, working_height=None, focal=None, post_processing="none"):
    """Inverse depth and beta of a batch of images; also in graphs that do not know their size.

    Args:
        run: a `runs.run.Run`, or anything with its `config`, `aquanet`, `data` and
            `working_height`.
        images: [B,H,W,3], uint8 or float in [0,1].
        working_height: height the network works at; default: that of the run.
        focal: (fx / width, fy / height) of the camera, for runs with focal_planes; default: the
            training camera's.
        post_processing: one of `evaluation.protocol.POST_PROCESSINGS`; beta is never processed.

    Returns a dictionary of float32 maps [B,H,W,1]: `inverse_depth` (relative units; the mean over
    shifted grids with `--grid_shift`) and `beta` (the quantization parameter of Eq. 4).
    """
    config = run.config
    inputs = network_inputs(run, images, working_height, focal)
    logits, beta = run.aquanet(*inputs)
    # The pass that gives beta is also the first pass of every estimate below.
    estimate = networks_estimate.with_known(
        networks_estimate.of_network(run.aquanet, config),
        inputs,
        networks_estimate.decode(logits, beta, config.inverse_depth_min, config.inverse_depth_max),
    )
    estimate = networks_estimate.over_grids(estimate, config.grid_shift)
    estimate = post_processed(estimate, post_processing, config.depth_scaling)
    size = tf.shape(images)[1:3]
    return {
        "inverse_depth": tf.image.resize(estimate(*inputs), size),
        "beta": tf.image.resize(beta, size),
    }


def infer_moving(run, images, working_height=None, focal=None, post_processing="none"):
    """The maps of `infer` and two of SPIMO's passes (Eq. 6 and 7), each float32 [B,H,W,1].

    `moving_object_probability`: see `spimo.moving_probability`; 0 above the line of
    `spimo_ignore_top`. `static_mask`: M of Eq. 7, 0.0 where the probability is 0.5 or more (there
    `moving_score` reaches the threshold), else 1.0. Arguments as `infer`.
    """
    score = moving_score(run, images, working_height, focal)
    static = spimo.static_mask(score, run.config.spimo_threshold)
    return {
        **infer(run, images, working_height, focal, post_processing),
        "moving_object_probability": spimo.moving_probability(score, run.config),
        "static_mask": tf.cast(static, tf.float32),
    }


def moving_score(run, images, working_height=None, focal=None, config=None):
    """SPIMO's dispersion of depth (Eq. 7), float32 [B,H,W,1]; 0 above `spimo_ignore_top`.

    A pixel likely moves where it reaches `config.spimo_threshold`. Arguments as `infer`; `config`:
    a `Config` with the `spimo_` options to use, default: the run's.
    """
    config = config or run.config
    inputs = network_inputs(run, images, working_height, focal)
    estimate = spimo.source(run.aquanet, run.config, config.spimo_source)
    value = spimo.dispersion_map(estimate, *inputs, config)
    return tf.image.resize(value, tf.shape(images)[1:3])


def network_inputs(run, images, working_height=None, focal=None):
    """Inputs of the depth network, all float32; arguments as `infer`.

    Returns (images [B,h,w,3] in [0,1] at working size, positional grid [B,h,w,2], K [B,3,3] in
    pixels of the working size).
    """
    if images.dtype == tf.uint8:
        images = tf.cast(images, tf.float32) / 255.0
    shape = tf.shape(images)
    height, width = working_size(shape[1], shape[2], working_height or run.working_height)
    resized = tf.image.resize(images, [height, width], antialias=True)
    grid = camera.positional_grid(height, width)
    fx, fy = run.data["focal"] if focal is None else focal
    fx, fy = fx * tf.cast(width, tf.float32), fy * tf.cast(height, tf.float32)
    intrinsics = tf.linalg.diag(tf.stack([fx, fy, 1.0]))
    return resized, *(tf.repeat(value[None], shape[0], axis=0) for value in (grid, intrinsics))
