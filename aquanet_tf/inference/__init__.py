"""A trained model as a function of images, whatever form it is stored in.

    >>> from aquanet_tf.inference import open_model
    >>> from aquanet_tf.media import images
    >>> model = open_model("pretrained/street")
    >>> prediction = model(images.read_image("pretrained/street/example.png"))
    >>> prediction.depth.shape, prediction.unit
    ((96, 312), 'relative')

The words, from the inside out:
  inference   this room: everything that turns an image into depth with a finished model;
  estimate    (room `networks`) a TensorFlow function from network inputs to inverse depth;
  Network     a model on disk, opened: uint8 RGB images of any size in, maps of that size out. One
              class for each form: `Predictor` (the checkpoint of a run), `SavedModel`, `LiteModel`;
  Prediction  what a Network returns for one image: inverse depth (the paper's disparity), depth,
              beta, and what likely moves.

The names below are imported on first use: a .tflite file runs where TensorFlow is not installed.

Uses: config, geometry, masks, media, networks, runs.
"""

import importlib

_MODULES = {
    "open_model": "loader",
    "Network": "network",
    "Prediction": "network",
    "Predictor": "checkpoint",
    "SavedModel": "saved_model",
    "LiteModel": "tflite",
}

__all__ = ["LiteModel", "Network", "Prediction", "Predictor", "SavedModel", "open_model"]


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__():
    return sorted([*globals(), *__all__])
