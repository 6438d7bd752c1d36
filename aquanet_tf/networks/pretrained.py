"""Weights trained on ImageNet for the mobile encoder, from keras-cv (`--encoder_weights`).

keras-cv gets no further releases. It is imported here alone, only when the flag asks for it, and
never to load a checkpoint.
"""

from __future__ import annotations


def start_encoder(config, aquanet):
    """Sets the mobile encoder's weights to those of `--encoder_weights`.

    ValueError, which names the flag, when they are not available or do not fit.
    """
    if config.encoder_weights == "none":
        return
    try:
        aquanet.mobile.assign(mobilenet_convolutions(config.encoder_weights))
    except ValueError as error:
        if "--encoder_weights" in str(error):
            raise
        raise ValueError(f"--encoder_weights={config.encoder_weights}: {error}") from error


def mobilenet_convolutions(preset):
    """(kernel, bias) of every convolution of keras-cv's MobileNetV3-Small except the last.

    Arrays in the order of `MobileEncoder.assign`, each with its batch normalization folded in.

    preset: name of a preset of keras-cv (downloaded), or a directory with one.
    Raises ValueError naming the flag when it is not available or is another network.
    """
    try:
        import keras_cv

        backbone = keras_cv.models.MobileNetV3Backbone.from_preset(preset)
    except Exception as error:  # keras-cv, kagglehub and urllib raise many kinds
        raise ValueError(
            f"--encoder_weights={preset}: not available from keras-cv ({error}). Give the "
            "directory of a preset of its MobileNetV3Backbone, or none"
        ) from error
    convolutions = []
    for layer in backbone.layers:
        if hasattr(layer, "squeeze_conv"):
            convolutions += [layer.squeeze_conv.get_weights(), layer.excite_conv.get_weights()]
        elif weights := layer.get_weights():
            if len(weights) == 1:  # a convolution without bias; its normalization follows
                kernel, depthwise = weights[0], layer.__class__.__name__ == "DepthwiseConv2D"
            else:
                convolutions.append(_folded(kernel, depthwise, layer.epsilon, weights))
    return convolutions[:-1]


def _folded(kernel, depthwise, epsilon, normalization):
    """(kernel, bias) of a convolution followed by batch normalization in inference; normalization:
    gamma, beta, mean, variance."""
    gamma, beta, mean, variance = normalization
    scale = gamma / (variance + epsilon) ** 0.5
    return kernel * (scale[:, None] if depthwise else scale), beta - mean * scale
