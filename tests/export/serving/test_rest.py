"""TensorFlow Serving's REST API, version 1, over real connections."""

import types

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
for needed in ("tensorflow_serving", "starlette", "uvicorn"):
    pytest.importorskip(needed, reason="needs the extra `serve`")
from aquanet_tf.inference import saved_model
from export.serving import versions
from tests.support import served
from tests.support.served import IMAGE, NAMES, PNG, PREDICT, ask, b64, expected

base, server = served.base, served.server


@pytest.mark.parametrize("path", [PREDICT, "/v1/models/aquanet/versions/3:predict"])
@pytest.mark.parametrize(
    "content",
    [
        {"instances": [IMAGE.tolist()] * 2},
        {"instances": [{"image": IMAGE.tolist()}] * 2},
        {"signature_name": "serving_bytes", "instances": [b64(PNG)] * 2},
        {"signature_name": "serving_bytes", "instances": [{"image_bytes": b64(PNG)}] * 2},
    ],
)
def test_rest_rows(server, path, content):
    rows = ask(server, path, content)["predictions"]
    assert len(rows) == 2
    for row in rows:
        assert set(row) == NAMES
        np.testing.assert_allclose(row["inverse_depth"], expected(), rtol=1e-5)
        assert np.asarray(row["beta"]).min() == np.asarray(row["beta"]).max() == 3


def test_rest_moving_objects(server):
    content = {"signature_name": "moving_objects", "instances": [IMAGE.tolist()]}
    (row,) = ask(server, PREDICT, content)["predictions"]
    assert set(row) == served.MOVING_NAMES
    np.testing.assert_array_equal(row["static_mask"], expected() / 1.01 < 0.5)


@pytest.mark.parametrize("inputs", [[IMAGE.tolist()], {"image": [IMAGE.tolist()]}])
def test_rest_columns(server, inputs):
    outputs = ask(server, PREDICT, {"inputs": inputs})["outputs"]
    assert set(outputs) == NAMES
    np.testing.assert_allclose(outputs["depth"], 1 / expected()[None], rtol=1e-5)


def test_rest_tells_of_itself(server):
    assert ask(server, "/healthz") == {"status": "ok", "version": 3}
    (status,) = ask(server, "/v1/models/aquanet")["model_version_status"]
    assert (status["version"], status["state"]) == ("3", "AVAILABLE")
    metadata = ask(server, "/v1/models/aquanet/versions/3/metadata")["metadata"]
    image = metadata["signature_def"]["signature_def"]["serving_default"]["inputs"]["image"]
    assert image["dtype"] == "DT_UINT8"
    assert [int(d["size"]) for d in image["tensor_shape"]["dim"]] == [-1, -1, -1, 3]


STRIP = np.zeros((1, 1000, 3), np.uint8)
BIG = {
    "signature_name": "serving_bytes",
    "instances": [b64(saved_model.png(np.zeros((300, 300, 3), np.uint8)))],
}


@pytest.mark.parametrize(
    "content, code, words",
    [
        (b"", 400, "not JSON"),
        (b"\xff\xfe{", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        ([], 400, "instances"),
        ({"instances": []}, 400, "not empty"),
        ({"instances": [[1]], "inputs": [[1]]}, 400, "instances"),
        ({"instances": [[[[1, 2, 3]], [[1, 2]]]]}, 400, "differ in length"),
        ({"instances": [[[[1, 2]]]]}, 400, "shape"),
        ({"instances": [[[[1, 2, 256]]]]}, 400, "0 to 255"),
        ({"instances": [[[[1, 2, 0.5]]]]}, 400, "whole numbers"),
        ({"instances": ["text"]}, 400, "whole numbers"),
        ({"instances": [{"picture": 1}]}, 400, "image"),
        ({"instances": [[[[1, 2, 3]]]], "signature_name": "none"}, 404, "none"),
        ({"instances": [[[[1, 2, 3]]]], "signature_name": [1]}, 404, "[1]"),
        ({"signature_name": "serving_bytes", "instances": [{"b64": "?"}]}, 400, "base64"),
        ({"signature_name": "serving_bytes", "instances": [b64(b"")]}, 400, "JPEG or PNG"),
        ({"signature_name": "serving_bytes", "instances": [b64(PNG[:60])]}, 400, ""),
        ({"signature_name": "serving_bytes", "instances": ["text"]}, 400, "b64"),
        (
            {
                "signature_name": "serving_bytes",
                "instances": [b64(PNG), b64(saved_model.png(IMAGE[:4]))],
            },
            400,
            "one size",
        ),
        ({"instances": [STRIP.tolist()]}, 400, "1000x1 pixels are more than 32 times as wide"),
        (
            {"signature_name": "serving_bytes", "instances": [b64(saved_model.png(STRIP))]},
            400,
            "1000x1 pixels are more than 32 times as wide",
        ),
        ({"instances": [[[[1, 2, 3]]]] * 99}, 400, "are 101376 at the working height, at most"),
        (BIG, 400, "90000 pixels in one request, at most 40000"),
        (b" " * 1_000_001, 413, "above 1000000 bytes"),
    ],
)
def test_rest_refuses(server, content, code, words):
    assert words in ask(server, PREDICT, content, code)["error"]
    assert ask(server, "/healthz")["status"] == "ok"


def test_memory_that_does_not_suffice_is_an_error_of_the_request(server):
    def full(**inputs):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    version = types.SimpleNamespace(signatures={"a": full})
    with pytest.raises(versions.RequestError, match="OOM"):
        server.model._call(version, "a", {})


def test_rest_not_found(server):
    content = {"instances": [IMAGE.tolist()]}
    for path in ("/v1/models/other:predict", "/v1/models/aquanet/versions/9:predict"):
        assert "error" in ask(server, path, content, 404)
    ask(server, "/v1/models/other", code=404)
    ask(server, "/nothing", code=404)
    ask(server, PREDICT, code=404)  # a GET
