"""TensorFlow Serving's gRPC services with the official messages: PredictionService.Predict and
GetModelMetadata, ModelService.GetModelStatus.

A bad request ends with INVALID_ARGUMENT; an unknown model, version or signature with NOT_FOUND; a
request above the size limit with gRPC's own RESOURCE_EXHAUSTED.
"""

from __future__ import annotations

from concurrent import futures

import grpc
import tensorflow as tf
from google.protobuf import any_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.serving.versions import NotFound, RequestError, ServedModel

_AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
_END = get_model_status_pb2.ModelVersionStatus.END


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata on `model`; the other calls answer UNIMPLEMENTED."""

    def __init__(self, model: ServedModel):
        self.model = model

    def Predict(self, request, context):
        """PredictRequest -> PredictResponse; `output_filter` selects outputs."""
        try:
            version = _version(self.model, request.model_spec)
            signature = request.model_spec.signature_name
            outputs = self.model.predict(version, signature, _arrays(request.inputs))
            names = list(request.output_filter) or list(outputs)
            if unknown := set(names) - set(outputs):
                raise RequestError(f"output_filter: no output {sorted(unknown)}")
        except RequestError as error:
            _abort(context, error)
        response = predict_pb2.PredictResponse()
        _fill(response.model_spec, self.model, version, signature)
        for name in names:
            response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        return response

    def GetModelMetadata(self, request, context):
        """GetModelMetadataRequest -> signatures, for any fields in the request."""
        try:
            version = _version(self.model, request.model_spec)
        except RequestError as error:
            _abort(context, error)
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, function in version.signatures.items():
            definition = found.signature_def[name]
            definition.method_name = "tensorflow/serving/predict"
            _tensors(definition.inputs, function.structured_input_signature[1])
            _tensors(definition.outputs, function.structured_outputs)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        _fill(response.model_spec, self.model, version)
        packed = any_pb2.Any()
        packed.Pack(found)
        response.metadata["signature_def"].CopyFrom(packed)
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus on `model`."""

    def __init__(self, model: ServedModel):
        self.model = model

    def GetModelStatus(self, request, context):
        """GetModelStatusRequest -> the served version, and versions that could not be loaded."""
        try:
            version = _version(self.model, request.model_spec)
        except RequestError as error:
            _abort(context, error)
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=version.number, state=_AVAILABLE)
        for number, text in self.model.broken().items():
            status = response.model_version_status.add(version=number, state=_END)
            status.status.error_code = grpc.StatusCode.UNKNOWN.value[0]
            status.status.error_message = text
        return response


def start(model: ServedModel, host: str, port: int, max_bytes: int, threads: int = 8):
    """Starts a server and returns (server, port); port 0 takes a free one.

    Raises OSError when the port is taken.
    """
    options = [
        ("grpc.max_receive_message_length", max_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # a second server on the same port is a mistake
    ]
    server = grpc.server(futures.ThreadPoolExecutor(threads), options=options)
    prediction = PredictionService(model)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(model), server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(f"--grpc_port={port}: cannot listen on {host}:{port}") from error
    server.start()
    return server, bound


def _version(model, spec):
    if spec.version_label:
        raise NotFound(f"version label {spec.version_label!r}: this server knows none")
    return model.version(spec.name, spec.version.value if spec.HasField("version") else None)


def _arrays(inputs):
    arrays = {}
    for name, proto in inputs.items():
        try:
            arrays[name] = tf.make_ndarray(proto)
        except Exception as error:  # NumPy raises many kinds on broken messages
            raise RequestError(f"{name}: not a tensor ({error})") from error
    return arrays


def _fill(spec, model, version, signature=""):
    spec.name, spec.version.value, spec.signature_name = model.name, version.number, signature


def _tensors(target, specifications):
    for name, specification in specifications.items():
        info = meta_graph_pb2.TensorInfo(
            name=name,
            dtype=specification.dtype.as_datatype_enum,
            tensor_shape=specification.shape.as_proto(),
        )
        target[name].CopyFrom(info)


def _abort(context, error):
    code = grpc.StatusCode.NOT_FOUND if isinstance(error, NotFound) else None
    context.abort(code or grpc.StatusCode.INVALID_ARGUMENT, str(error))
