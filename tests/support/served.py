"""Fixtures for server tests: a tiny SavedModel behind the real REST and gRPC servers.

A test module gets a server of its own by assigning the fixtures (`server = served.server`).
"""

import base64
import contextlib
import json
import pathlib
import shutil
import threading
import time
import types
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
import uvicorn
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from aquanet_tf import files
from aquanet_tf.inference import saved_model
from aquanet_tf.inference.network import METADATA
from export import saved_model as export_saved_model
from export.serving import grpc_service, page, rest, versions

IMAGE = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
PNG = saved_model.png(IMAGE)
NAMES = {"inverse_depth", "depth", "beta"}
MOVING_NAMES = NAMES | {"moving_object_probability", "static_mask"}
PREDICT = "/v1/models/aquanet:predict"


def write_version(base, number, moving=True) -> pathlib.Path:
    """Writes a model with the signatures of an export below `base`; its beta is `number`.

    moving: with the signature `moving_objects`.
    """
    module = tf.Module()

    def serve(image):
        gray = tf.reduce_mean(tf.cast(image, tf.float32), -1, keepdims=True) / 255 + 0.01
        return {"inverse_depth": gray, "depth": 1 / gray, "beta": gray * 0 + number}

    images = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")

    def serve_moving(image):
        maps = serve(image)
        probability = maps["inverse_depth"] / 1.01
        static = tf.cast(probability < 0.5, tf.float32)
        return {**maps, "moving_object_probability": probability, "static_mask": static}

    encoded = tf.TensorSpec([None], tf.string, name="image_bytes")
    module.pixels = tf.function(serve, input_signature=[images])
    module.files = tf.function(
        lambda image_bytes: serve(export_saved_model.decode(image_bytes)), input_signature=[encoded]
    )
    signatures = {"serving_default": module.pixels, "serving_bytes": module.files}
    if moving:
        module.moving = tf.function(serve_moving, input_signature=[images])
        signatures[saved_model.MOVING] = module.moving
    temporary = pathlib.Path(base) / f".making-{number}"
    tf.saved_model.save(module, str(temporary), signatures=signatures)
    files.write(temporary / METADATA, {"working_height": 32})
    return pathlib.Path(shutil.move(temporary, pathlib.Path(base) / str(number)))


@contextlib.contextmanager
def running(base, max_bytes=1_000_000, max_pixels=40_000, poll=0.05, pages=()):
    """Context with both servers on free ports: .model, .rest and .grpc (addresses)."""
    held = versions.ServedModel(base, max_pixels=max_pixels)
    held.watch(poll)
    grpc_server, port = grpc_service.start(held, "127.0.0.1", 0, max_bytes)
    routes = [*page.routes(held, max_bytes), *pages]
    application = rest.application(held, max_bytes, routes)
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    rest_port = server.servers[0].sockets[0].getsockname()[1]
    yield types.SimpleNamespace(
        model=held, rest=f"http://127.0.0.1:{rest_port}", grpc=f"127.0.0.1:{port}"
    )
    server.should_exit = True
    thread.join()
    grpc_server.stop(None)
    held.close()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A directory of versions that holds version 3."""
    base = tmp_path_factory.mktemp("served")
    write_version(base, 3)
    return base


@pytest.fixture(scope="module")
def server(base):
    """`running` on `base`."""
    with running(base) as server:
        yield server


@pytest.fixture(scope="module")
def stub(server):
    """The official gRPC stub, connected to `server`."""
    with grpc.insecure_channel(server.grpc) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def ask(server, path, content=None, code=200):
    """The JSON answer of the REST server at `path`; fails unless the status is `code`.

    content: None for GET; bytes or a JSON-able value for POST.
    """
    data = content if isinstance(content, (bytes, type(None))) else json.dumps(content).encode()
    try:
        with urllib.request.urlopen(server.rest + path, data, timeout=60) as response:
            assert response.status == code
            return json.load(response)
    except urllib.error.HTTPError as error:
        answer = error.read()
        assert error.code == code, answer
        return json.loads(answer) if answer[:1] == b"{" else answer


def b64(data):
    """Bytes in the form of a REST request."""
    return {"b64": base64.b64encode(data).decode()}


def expected(image=IMAGE):
    """Inverse depth [H, W, 1] that a model of `write_version` returns for `image`."""
    return (image.astype(np.float32).mean(-1) / 255 + 0.01)[..., None]


def request(value=IMAGE[None], name="image", signature="", model="aquanet", version=None):
    """A PredictRequest with one input."""
    message = predict_pb2.PredictRequest()
    message.model_spec.name, message.model_spec.signature_name = model, signature
    if version is not None:
        message.model_spec.version.value = version
    message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message
