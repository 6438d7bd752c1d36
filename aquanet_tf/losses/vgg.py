"""Frozen VGG19 features of the perceptual loss: outputs of the first three max-pool layers."""

from __future__ import annotations

import pathlib

import tensorflow as tf

_LAYERS = ("block1_pool", "block2_pool", "block3_pool")
# The published Keras weights were trained on BGR in 0..255 minus these means.
_BGR_MEAN = (103.939, 116.779, 123.68)


def build_features(weights):
    """Function, RGB image [B,H,W,3] in [0,1] -> three feature maps; None for `none`.

    Features are divided by 255: VGG is piecewise linear, so this gives them the scale they would
    have for images in [0,1], where the paper's weight of 0.01 belongs.

    Args:
        weights: `imagenet` (downloaded by keras.applications), the path of its "notop" .h5 file,
            `random` (tests) or `none`.

    Raises:
        ValueError: the weights cannot be had; said before the first step, with the way out.
    """
    if weights == "none":
        return None
    network = _load(weights)
    network.trainable = False
    outputs = [network.get_layer(name).output for name in _LAYERS]
    extractor = tf.keras.Model(network.input, outputs, name="vgg19_features")
    extractor.trainable = False

    def features(image):
        bgr = 255.0 * tf.reverse(image, axis=[-1]) - tf.constant(_BGR_MEAN)
        return [value / 255.0 for value in extractor(bgr, training=False)]

    return features


def _load(weights):
    application = tf.keras.applications.VGG19
    if weights == "random":
        return application(include_top=False, weights=None)
    if weights == "imagenet":
        try:
            return application(include_top=False, weights="imagenet")
        except Exception as error:  # urllib, socket and Keras raise different types here
            raise ValueError(
                "--vgg19_weights=imagenet: the weights could not be downloaded "
                f"({error}). Give a local file with --vgg19_weights=PATH (the notop .h5 of "
                "keras.applications.VGG19), or --vgg19_weights=none with --pyramid_scales=3"
            ) from error
    if not pathlib.Path(weights).is_file():
        raise ValueError(
            f"--vgg19_weights={weights}: no such file; expected imagenet, none, random or a path"
        )
    try:
        network = application(include_top=False, weights=None)
        network.load_weights(weights)
        return network
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(
            f"--vgg19_weights={weights}: not a VGG19 notop weight file ({error})"
        ) from error
