"""The one place that uses packages at the end of their life, each for something they do well.

tensorflow-addons (end of life since May 2024): a second opinion on the warp, `--warp_impl=tfa`.
Card stack only, it does not load with Keras 3. keras-cv (no further releases announced): weights
trained on ImageNet, `--encoder_weights`. Imported only when these flags ask for it, never to load a
checkpoint.
"""

from __future__ import annotations


def mobilenet_convolutions(preset):
    """(kernel, bias) of every convolution of keras-cv's MobileNetV3-Small but the last, as arrays
    in the order of `mobile.MobileEncoder.assign`, each with its batch normalization folded in.

    preset: name of a preset of keras-cv (fetched from the network), or a directory with one.
    Raises ValueError naming the flag when it cannot be had or is another network.
    """
    try:
        import keras_cv

        backbone = keras_cv.models.MobileNetV3Backbone.from_preset(preset)
    except Exception as error:  # keras-cv, kagglehub and urllib raise many kinds
        raise ValueError(
            f"--encoder_weights={preset}: not to be had from keras-cv ({error}). Give the "
            "directory of a preset of its MobileNetV3Backbone, or none"
        ) from error
    found = []
    for layer in backbone.layers:
        if hasattr(layer, "squeeze_conv"):
            found += [layer.squeeze_conv.get_weights(), layer.excite_conv.get_weights()]
        elif weights := layer.get_weights():
            if len(weights) == 1:  # a convolution without bias, its normalization comes next
                kernel, depthwise = weights[0], layer.__class__.__name__ == "DepthwiseConv2D"
            else:
                found.append(_folded(kernel, depthwise, layer.epsilon, *weights))
    return found[:-1]


def _folded(kernel, depthwise, epsilon, gamma, beta, mean, variance):
    """(kernel, bias) of a convolution followed by batch normalization in inference."""
    scale = gamma / (variance + epsilon) ** 0.5
    return kernel * (scale[:, None] if depthwise else scale), beta - mean * scale


def start_encoder(options, aquanet):
    """Takes over the trained weights of --encoder_weights. ValueError when they do not fit."""
    if options.encoder_weights == "none":
        return
    pass

    try:
        aquanet.mobile.assign(mobilenet_convolutions(options.encoder_weights))
    except ValueError as error:
        if "--encoder_weights" in str(error):
            raise
        raise ValueError(f"--encoder_weights={options.encoder_weights}: {error}") from error
