"""Corruption of the image that the depth network sees in training (`--corrupt_input`).

Not in the paper. The losses compare clean images, so corruption may be strong: it takes from the
network what it could learn by heart in a small data set (docs/results/roads.md#corrupted-input).
"""

from __future__ import annotations

import tensorflow as tf

GRAY, BLURRED, COVERED = 0.3, 0.3, 0.5  # probabilities
CONTRAST = (0.6, 1.4)
BRIGHTNESS = (0.7, 1.3)
COLOR = (0.8, 1.2)
NOISE = 0.06  # largest standard deviation
RECTANGLES = 3
# Half of a rectangle's height and width, as shares of the image's
HALF_HEIGHT = (0.05, 0.22)
HALF_WIDTH = (0.02, 0.14)


def corrupt(image, seed):
    """The image [h,w,3] in [0,1], corrupted: a function of the image and the seed alone.

    In this order: gray in three of ten images; contrast, brightness and color; 3x3 blur in three of
    ten; noise; up to three covered rectangles of uniform noise.
    """
    seeds = tf.random.experimental.stateless_split(seed, 3 + RECTANGLES)
    draws = tf.random.stateless_uniform([8], seeds[0])
    gray = tf.reduce_mean(image, axis=-1, keepdims=True)
    image = tf.where(draws[0] < GRAY, gray + tf.zeros_like(image), image)
    mean = tf.reduce_mean(image, axis=[0, 1])
    image = (image - mean) * _between(draws[1], CONTRAST) + mean * _between(draws[2], BRIGHTNESS)
    image *= _between(draws[3:6], COLOR)
    blurred = tf.nn.avg_pool2d(image[None], 3, 1, "SAME")[0]
    image = tf.where(draws[6] < BLURRED, blurred, image)
    noise = tf.random.stateless_normal(tf.shape(image), seeds[1])
    image += noise * draws[7] * NOISE
    filling = tf.random.stateless_uniform(tf.shape(image), seeds[2])
    for i in range(RECTANGLES):
        image = tf.where(_rectangle(tf.shape(image), seeds[3 + i]), filling, image)
    return tf.clip_by_value(image, 0.0, 1.0)


def _rectangle(shape, seed):
    """bool [h,w,1]: inside a random rectangle; all False with probability 1 - COVERED."""
    draws = tf.random.stateless_uniform([5], seed)
    rows, columns = tf.range(shape[0]), tf.range(shape[1])
    inside = _near(rows, shape[0], draws[0], _between(draws[1], HALF_HEIGHT))[:, None]
    inside &= _near(columns, shape[1], draws[2], _between(draws[3], HALF_WIDTH))[None]
    return (inside & (draws[4] < COVERED))[..., None]


def _near(pixels, size, middle, half):
    """bool: pixels at most half * size from middle * size."""
    size = tf.cast(size, tf.float32)
    return tf.abs(tf.cast(pixels, tf.float32) - middle * size) <= half * size


def _between(draw, limits):
    return limits[0] + draw * (limits[1] - limits[0])
