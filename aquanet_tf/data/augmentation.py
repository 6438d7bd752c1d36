"""Stateless augmentation of a triplet: random resize and crop, photometry, and the random choices
of mirroring and time reversal, which `resampling` applies.

Pure functions; all randomness comes from a `seed` (int32 or int64 [2]). Images of a triplet are
stacked [3, height, width, 3] in time order (previous, target, next), so one call treats all three
alike. K and the positional grid follow every geometric step.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from aquanet_tf.geometry import camera

GAMMA = (0.8, 1.2)
BRIGHTNESS = (0.5, 2.0)
COLOR = (0.8, 1.2)


class Window(NamedTuple):
    """A crop of a resized image: size of the whole resized image, top-left pixel of the crop,
    size of the crop; int32, pixels of the resized image."""

    whole_height: tf.Tensor
    whole_width: tf.Tensor
    top: tf.Tensor
    left: tf.Tensor
    height: int
    width: int


def whole_window(height: int, width: int) -> Window:
    """No crop: the whole image resized to height x width."""
    size = tf.constant([height, width, 0, 0])
    return Window(size[0], size[1], size[2], size[3], height, width)


def random_window(seed, image_size, crop_size, factors) -> Window:
    """Draws a resize factor in [smallest, largest] and the position of a crop.

    For images smaller than the crop, the smallest factor is raised until the crop fits (and the
    largest to at least that).

    Args:
        seed: int [2].
        image_size: (height, width) of the stored image, pixels.
        crop_size: (height, width) of the crop, pixels.
        factors: (smallest, largest), new size / stored size.
    """
    image_height, image_width = (tf.cast(side, tf.int32) for side in image_size)
    (height, width), (smallest, largest) = crop_size, factors
    needed = tf.maximum(height / image_height, width / image_width)
    low = tf.maximum(tf.constant(smallest, needed.dtype), needed)
    high = tf.maximum(tf.constant(largest, needed.dtype), low)
    draws = tf.cast(tf.random.stateless_uniform([3], seed), needed.dtype)
    factor = low + draws[0] * (high - low)
    whole_height = tf.maximum(_rounded(factor, image_height), height)
    whole_width = tf.maximum(_rounded(factor, image_width), width)
    return Window(
        whole_height,
        whole_width,
        _below(draws[1], whole_height - height + 1),
        _below(draws[2], whole_width - width + 1),
        height,
        width,
    )


def resize_crop(images, window: Window):
    """float32 [n, height, width, c] crop of the resized images [n, h, w, c], 0..255 kept.

    Bilinear with antialiasing and half-pixel centers. Equal to tf.image.resize of the whole image
    followed by the crop, but reads only the pixels that the crop needs.
    """
    shape = tf.shape(images)
    top, rows, scale_y, shift_y = _source(shape[1], window.whole_height, window.top, window.height)
    left, cols, scale_x, shift_x = _source(shape[2], window.whole_width, window.left, window.width)
    return tf.raw_ops.ScaleAndTranslate(
        images=images[:, top : top + rows, left : left + cols],
        size=tf.constant([window.height, window.width]),
        scale=tf.stack([scale_y, scale_x]),
        translation=tf.stack([shift_y, shift_x]),
        kernel_type="triangle",
        antialias=True,
    )


def window_geometry(k, image_height, image_width, window: Window):
    """K [3, 3] of the crop, its grid [height, width, 2], its resize factor (scalar float32).

    The grid is the crop's part of the positional grid of the whole resized image. The factor is
    the geometric mean of the two true ratios new size / old size.
    """
    scale_y = tf.cast(window.whole_height, tf.float32) / tf.cast(image_height, tf.float32)
    scale_x = tf.cast(window.whole_width, tf.float32) / tf.cast(image_width, tf.float32)
    k = camera.resize_intrinsics(tf.cast(k, tf.float32), scale_x, scale_y)
    k = camera.crop_intrinsics(k, window.left, window.top)
    u, v = tf.meshgrid(
        _line(window.left, window.width, window.whole_width),
        _line(window.top, window.height, window.whole_height),
    )
    return k, tf.stack([u, v], axis=-1), tf.sqrt(scale_x * scale_y)


def whole_size(window: Window, mirror):
    """float32 [2]: width (negative where `mirror`) and height of the whole resized image."""
    width, height = (tf.cast(n, tf.float32) for n in (window.whole_width, window.whole_height))
    return tf.stack([tf.where(mirror, -width, width), height])


class Augmentation(NamedTuple):
    """The random choices of one triplet; by default nothing is changed.

    mirror, reverse: scalar bool; left and right, previous and next frame change places.
    window_seed: of `random_window`; None: the whole image. photometry: None leaves the colors.
    """

    mirror: tf.Tensor | bool = False
    reverse: tf.Tensor | bool = False
    window_seed: tf.Tensor | None = None
    photometry: Photometry | None = None


class Photometry(NamedTuple):
    """Exponent, and gain of each channel, of one triplet."""

    gamma: tf.Tensor
    gain: tf.Tensor


def random_photometry(seed) -> Photometry:
    """Gamma, brightness and channel gains, each drawn with probability 1/2, else neutral."""
    draws = tf.random.stateless_uniform([8], seed)
    use, values = draws[:3] < 0.5, draws[3:]
    gamma = tf.where(use[0], _between(values[0], GAMMA), 1.0)
    brightness = tf.where(use[1], _between(values[1], BRIGHTNESS), 1.0)
    color = tf.where(use[2], _between(values[2:], COLOR), 1.0)
    return Photometry(gamma, brightness * color)


def apply_photometry(images, photometry: Photometry):
    """min(images ** gamma * gain, 1) of images [..., 3] in [0, 1].

    Computed as exp(gamma log), much faster than pow on a CPU; log 0 = -inf gives 0. Skipped for
    gamma = 1, half of the triplets.
    """
    gamma = photometry.gamma
    curved = tf.cond(
        tf.equal(gamma, 1.0), lambda: images, lambda: tf.exp(gamma * tf.math.log(images))
    )
    return tf.minimum(curved * photometry.gain, 1.0)


def coin(seed):
    """True or False with equal probability, scalar bool."""
    return tf.random.stateless_uniform([], seed) < 0.5


def _source(size, whole, start, length):
    """First source pixel, number of them, scale and translation for one axis of a crop.

    The kernel extends max(1, old / new) source pixels to each side of a sample. Translations are
    computed from integers, so float32 loses no digits to cancellation.
    """
    size, whole, start = (tf.cast(value, tf.int64) for value in (size, whole, start))
    reach = 2 + size // whole
    first = tf.maximum(start * size // whole - reach, 0)
    last = tf.minimum((start + length) * size // whole + reach + 1, size)
    scale = tf.cast(whole, tf.float32) / tf.cast(size, tf.float32)
    shift = tf.cast(first * whole - start * size, tf.float32) / tf.cast(size, tf.float32)
    return tf.cast(first, tf.int32), tf.cast(last - first, tf.int32), scale, shift


def _line(start, length: int, whole):
    """Positions -1..1 of `length` pixels from `start` of `whole` (as camera.positional_grid)."""
    pixels = tf.cast(start + tf.range(length), tf.float32)
    last = tf.cast(whole - 1, tf.float32)
    return (2.0 * pixels - last) / tf.maximum(last, 1.0)


def _rounded(factor, size):
    return tf.cast(tf.round(factor * tf.cast(size, factor.dtype)), tf.int32)


def _below(draw, bound):
    """Whole number in [0, bound) from a draw in [0, 1)."""
    return tf.minimum(tf.cast(draw * tf.cast(bound, draw.dtype), tf.int32), bound - 1)


def _between(draw, limits):
    return limits[0] + draw * (limits[1] - limits[0])
