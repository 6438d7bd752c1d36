"""Frozen VGG19 features of the perceptual loss: outputs of the first three max-pool layers."""

from __future__ import annotations

import pathlib

import tensorflow as tf

_LAYERS = ("block1_pool", "block2_pool", "block3_pool")
# The published Keras weights were trained on BGR in 0..255 minus these means.
_BGR_MEAN = (103.939, 116.779, 123.68)


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class VGG19Features(tf.keras.layers.Layer):
    """RGB image [B,H,W,3] in [0,1] -> list of three feature maps, of 1/2, 1/4 and 1/8 its size.

    Features are divided by 255: VGG19 is piecewise linear, so this gives them the scale they would
    have for images in [0,1], which the paper's weight of 0.01 assumes. Never trained.

    Args:
        weights: `imagenet` (downloaded by keras.applications), the path of its "notop" .h5 file,
            or `random` (for tests).

    Raises:
        ValueError: the weights are not available or do not fit; names --vgg19_weights and the fix.

    >>> import tensorflow as tf
    >>> from aquanet_tf.losses import VGG19Features
    >>> [tuple(m.shape) for m in VGG19Features("random")(tf.zeros([1, 32, 64, 3]))]
    [(1, 16, 32, 64), (1, 8, 16, 128), (1, 4, 8, 256)]
    """

    def __init__(self, weights="imagenet", **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.source = weights
        network = _load(weights)
        outputs = [network.get_layer(name).output for name in _LAYERS]
        self.extractor = tf.keras.Model(network.input, outputs, name="vgg19_features")
        self.trainable = self.extractor.trainable = False
        self.built = True  # Keras 3 refuses to distribute a model with unbuilt layers

    def call(self, image):
        bgr = 255.0 * tf.reverse(image, axis=[-1]) - tf.constant(_BGR_MEAN)
        return [value / 255.0 for value in self.extractor(bgr, training=False)]

    def get_config(self):
        return {**super().get_config(), "weights": self.source}


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
