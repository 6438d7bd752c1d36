"""Images in, inverse depth and beta out, at the images' own size. Plain tf ops, so that predict,
evaluate and every export run the very same steps."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf import camera, quantization

MIN_WORKING_WIDTH = 16


def working_size(height, width, working_height):
    """(height, width) the network works at for an image of height x width, aspect kept.

    Inverse depth grows with resolution (`--depth_scaling=proportional`), so a run keeps to one
    working height: that of its training images. Takes and returns int32 tensors or integers.
    """
    ratio = tf.cast(width, tf.float32) * working_height / tf.cast(height, tf.float32)
    working_width = tf.maximum(MIN_WORKING_WIDTH, tf.cast(tf.round(ratio), tf.int32))
    if tf.executing_eagerly():
        return working_height, int(working_width)
    return working_height, working_width


def infer(run, images, working_height=None, focal=None):
    """Depth of images of any one size; usable in graphs with unknown sizes.

    Args:
        run: checkpoints.Run (or anything with its config, aquanet and data).
        images: [B,H,W,3], uint8 or float in [0,1].
        working_height: height the network works at; default: that of the training images.
        focal: (fx / width, fy / height) of the camera, for runs with focal_planes; default: the
            training camera's.

    Returns a dictionary of float32 maps [B,H,W,1]: `inverse_depth` (relative units; depth is its
    inverse) and `beta` (quantisation parameter).
    """
    config = run.config
    if images.dtype == tf.uint8:
        images = tf.cast(images, tf.float32) / 255.0
    shape = tf.shape(images)
    height, width = working_size(shape[1], shape[2], working_height or run.data["image_height"])
    resized = tf.image.resize(images, [height, width], antialias=True)
    grid = camera.positional_grid(height, width)
    grid = tf.repeat(grid[None], shape[0], axis=0)
    fx, fy = run.data["focal"] if focal is None else focal
    fx, fy = fx * tf.cast(width, tf.float32), fy * tf.cast(height, tf.float32)
    intrinsics = tf.linalg.diag(tf.stack([fx, fy, 1.0]))[None]
    logits, beta = run.aquanet(resized, grid, tf.repeat(intrinsics, shape[0], axis=0))
    inverse_depth = quantization.expected_inverse_depth(
        logits, beta, config.inverse_depth_min, config.inverse_depth_max
    )
    return {
        "inverse_depth": tf.image.resize(inverse_depth, shape[1:3]),
        "beta": tf.image.resize(beta, shape[1:3]),
    }
