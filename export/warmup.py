"""Warm-up requests inside a SavedModel, in the place and form that TensorFlow Serving looks for.

DIR/assets.extra/tf_serving_warmup_requests is a TFRecord file of PredictionLog messages; a server
sends them to a new version before it takes requests. Their messages come with the package
tensorflow-serving-api (extra `serve`); without it an export has none, and says so.
"""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf

from aquanet_tf import artefact

PLACE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")


def write(directory: str | pathlib.Path, height: int, width: int) -> int:
    """Writes one request of one grey height x width image for each signature below `directory`.

    Returns the number of requests, 0 when tensorflow-serving-api is not installed.
    """
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError:
        return 0
    image = np.full((height, width, 3), 128, np.uint8)
    inputs = {"image": image[None], "image_bytes": np.array([artefact.png(image)], object)}
    path = pathlib.Path(directory) / PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, (name, value) in zip(artefact.SIGNATURES, inputs.items()):
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = "aquanet"
            request.model_spec.signature_name = signature
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString())
    return len(inputs)


def read(directory: str | pathlib.Path) -> list:
    """The PredictRequest messages of `write`; empty when there are none or no package for them."""
    path = pathlib.Path(directory) / PLACE
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError:
        return []
    if not path.is_file():
        return []
    logs = [
        prediction_log_pb2.PredictionLog.FromString(data)
        for data in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]
    return [log.predict_log.request for log in logs]
