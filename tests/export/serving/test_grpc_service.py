"""TensorFlow Serving's gRPC services, called with its official stubs."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
for needed in ("tensorflow_serving", "starlette", "uvicorn"):
    pytest.importorskip(needed, reason="needs the extra `serve`")
import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
)

from tests.support import served
from tests.support.served import IMAGE, NAMES, PNG, expected, request

base, server, stub = served.base, served.server, served.stub


def test_grpc_predict(stub):
    for message in (
        request(),
        request(version=3),
        request(np.array([PNG], object), "image_bytes", "serving_bytes"),
    ):
        response = stub.Predict(message, timeout=60)
        assert response.model_spec.version.value == 3 and set(response.outputs) == NAMES
        found = tf.make_ndarray(response.outputs["inverse_depth"])
        np.testing.assert_allclose(found, expected()[None], rtol=1e-5)
    found = stub.Predict(request(signature="moving_objects"), timeout=60).outputs
    assert set(found) == served.MOVING_NAMES
    message.output_filter.append("depth")
    assert set(stub.Predict(message, timeout=60).outputs) == {"depth"}


def test_grpc_tells_of_itself(server, stub):
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    message.model_spec.name = "aquanet"
    found = get_model_metadata_pb2.SignatureDefMap()
    assert stub.GetModelMetadata(message, timeout=60).metadata["signature_def"].Unpack(found)
    assert found.signature_def["serving_bytes"].inputs["image_bytes"].dtype == 7  # DT_STRING
    with grpc.insecure_channel(server.grpc) as channel:
        status = get_model_status_pb2.GetModelStatusRequest()
        status.model_spec.name = "aquanet"
        answer = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status)
    assert [v.version for v in answer.model_version_status] == [3]


def broken_tensor():
    message = request()
    message.inputs["image"].tensor_content = b"abc"
    return message


@pytest.mark.parametrize(
    "message, code",
    [
        (request(IMAGE[None].astype(np.float32)), "INVALID_ARGUMENT"),
        (request(IMAGE), "INVALID_ARGUMENT"),
        (request(IMAGE[None, :0]), "INVALID_ARGUMENT"),
        (request(IMAGE[None, ..., :2]), "INVALID_ARGUMENT"),
        (request(name="picture"), "INVALID_ARGUMENT"),
        (request(np.zeros((1, 300, 300, 3), np.uint8)), "INVALID_ARGUMENT"),
        (request([b"x"], "image_bytes", "serving_bytes"), "INVALID_ARGUMENT"),
        (broken_tensor(), "INVALID_ARGUMENT"),
        (request(signature="none"), "NOT_FOUND"),
        (request(model="other"), "NOT_FOUND"),
        (request(version=4), "NOT_FOUND"),
        (request(np.zeros((1, 700, 700, 3), np.uint8)), "RESOURCE_EXHAUSTED"),
    ],
)
def test_grpc_refuses(stub, message, code):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(message, timeout=60)
    assert caught.value.code().name == code
    assert set(stub.Predict(request(), timeout=60).outputs) == NAMES
