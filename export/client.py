"""Sends an image to a server of an exported model and saves the depth that comes back.

    python -m export.client --input photo.jpg --out depth.npy [--server http://127.0.0.1:8501]

The file is sent (signature serving_bytes) to export.serve or to TensorFlow Serving: by REST v1, or
by gRPC with --server grpc://127.0.0.1:8500. A photo with an EXIF turn is turned upright first and
sent as PNG, because the model ignores EXIF; any other file is sent unchanged.

OUT.npy holds inverse depth (the paper's disparity), float32 [H, W], relative units; OUT.png holds
the same as a 16-bit PNG with its scale in the text, as predict writes it. REST needs only the
standard library, NumPy and Pillow. gRPC needs tensorflow-serving-api; its answers are much smaller
than REST's, which write numbers as text.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import pathlib
import urllib.error
import urllib.request

import numpy as np
from absl import flags
from PIL import Image

from aquanet_tf import cli, files
from aquanet_tf.media import depth_png, images

_FOREIGN = (
    "what answers there is not the REST API of a model; give its REST port (8501 by default), or "
    "grpc://HOST:8500"
)


def predict(server: str, data: bytes, model: str = "aquanet", timeout: float = 60.0) -> dict:
    """Sends one image to a server and returns its maps: output name -> float32 [H, W].

    Args:
      server: http://HOST:PORT, or grpc://HOST:PORT.
      data: the bytes of a JPEG or PNG file; sent as `upright` returns it.
      model: the model's name on the server.
      timeout: seconds to wait for the answer.

    Raises ValueError for a `server` without protocol, for an answer that is not of a model, and
    with the server's message when it refuses the request; OSError when the server does not answer
    or speaks another protocol.
    """
    if not server.startswith(("http://", "https://", "grpc://")):
        raise ValueError(f"--server={server}: expected http://HOST:PORT or grpc://HOST:PORT")
    data = upright(data)
    if server.startswith("grpc://"):
        return _predict_grpc(server, data, model, timeout)
    content = {
        "signature_name": "serving_bytes",
        "instances": [{"image_bytes": {"b64": base64.b64encode(data).decode()}}],
    }
    request = urllib.request.Request(
        f"{server.rstrip('/')}/v1/models/{model}:predict",
        json.dumps(content).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            answer = response.read()
    except urllib.error.HTTPError as error:
        raise ValueError(f"{server} refused ({error.code}): {_words(error)}") from error
    except urllib.error.URLError as error:
        raise OSError(f"--server={server}: no answer ({error.reason})") from error
    except http.client.HTTPException as error:  # as of a gRPC port
        raise OSError(f"--server={server}: {_FOREIGN}") from error
    except OSError as error:  # while the answer is read, as a timeout
        raise OSError(f"--server={server}: no answer ({error})") from error
    try:
        row = json.loads(answer)["predictions"][0]
        return {name: np.asarray(value, np.float32)[..., 0] for name, value in row.items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"--server={server}: {_FOREIGN}") from error


def upright(data: bytes) -> bytes:
    """An image file turned as its EXIF tag says, as PNG; unchanged where nothing is to be turned.

    The model reads pixels only. Without this a photo taken upright would be predicted sideways.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if not images.is_turned(image):
                return data
        pixels = images.read_image(io.BytesIO(data))
    except Exception:  # Pillow raises many kinds on damaged files; the server says what is wrong
        return data
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _predict_grpc(server, data, model, timeout) -> dict:
    try:
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    except ImportError as error:
        raise ValueError(
            f'--server={server}: gRPC needs {error.name}: pip install "aquanet-tf[serve]"'
        ) from error
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, "serving_bytes"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([data]))
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server[len("grpc://") :], options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            outputs = stub.Predict(request, timeout=timeout).outputs
        except grpc.RpcError as error:
            code, words = error.code(), error.details()
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise OSError(f"--server={server}: no answer ({words})") from error
            raise ValueError(f"{server} refused ({code.name}): {words}") from error
    return {name: tf.make_ndarray(value)[0, ..., 0] for name, value in outputs.items()}


def _words(error) -> str:
    text = error.read().decode(errors="replace")
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text[:200]


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("input", None, "A JPEG or PNG file.", required=True)
    cli.define_output("out", None, "File for inverse depth, .npy or .png.", required=True)
    flags.DEFINE_string("server", "http://127.0.0.1:8501", "http://HOST:PORT or grpc://HOST:PORT.")
    flags.DEFINE_string("model_name", "aquanet", "The model's name there.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    out = pathlib.Path(options.out)
    if out.suffix not in (".npy", ".png"):
        raise ValueError(f"--out={out}: expected a name that ends with .npy or .png")
    data = pathlib.Path(options.input).read_bytes()
    maps = predict(options.server, data, options.model_name)
    inverse_depth = maps["inverse_depth"]
    if out.suffix == ".npy":
        with files.atomic(out) as temporary, temporary.open("wb") as file:
            np.save(file, inverse_depth)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        depth_png.write(out, inverse_depth, float(inverse_depth.max()) / depth_png.LEVELS)
    height, width = inverse_depth.shape
    print(f"{height}x{width}, outputs {', '.join(sorted(maps))}; written: {out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
