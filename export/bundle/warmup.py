"""Warm-up requests inside a SavedModel, at the place and in the form that TensorFlow Serving reads.

DIR/assets.extra/tf_serving_warmup_requests is a TFRecord file of PredictionLog messages. A server
runs them on a new version before it accepts requests. The messages need the package
tensorflow-serving-api (extra `serve`); without it an export has no warm-up requests and says so.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from aquanet_tf.inference import saved_model

PLACE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")


def write(directory: str | pathlib.Path, signatures: Sequence[str], height: int, width: int) -> int:
    """Writes one request of one gray height x width image for each of the signatures.

    Returns the number of requests, 0 when tensorflow-serving-api is not installed.
    """
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError:
        return 0
    image = np.full((height, width, 3), 128, np.uint8)
    path = pathlib.Path(directory) / PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in signatures:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = "aquanet"
            request.model_spec.signature_name = signature
            if signature == "serving_bytes":
                value = tf.make_tensor_proto([saved_model.png(image)])
                request.inputs["image_bytes"].CopyFrom(value)
            else:
                request.inputs["image"].CopyFrom(tf.make_tensor_proto(image[None]))
            writer.write(log.SerializeToString())
    return len(signatures)


def read(directory: str | pathlib.Path) -> list:
    """The PredictRequest messages of `write`; empty without the file or the package."""
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
