"""The server under noise, load and a change of version; the two commands."""

import concurrent.futures
import io
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from tests.support import commands

tf = pytest.importorskip("tensorflow")
for needed in ("tensorflow_serving", "starlette", "uvicorn"):
    pytest.importorskip(needed, reason="needs the extra `serve`")
import grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from aquanet_tf.inference import saved_model
from aquanet_tf.media import depth_png
from export import client
from export.bundle import warmup
from export.serving import versions
from tests.support import served
from tests.support.served import IMAGE, PNG, PREDICT, ask, b64, expected, request

base, server, stub = served.base, served.server, served.stub


def fuzzed(rng):
    """Bytes that are nearly, or not at all, a picture."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010E] = int(rng.integers(1, 9)), "a picture"
    Image.fromarray(IMAGE).save(file, rng.choice(["PNG", "JPEG"]), exif=exif)
    data = bytearray(file.getvalue())
    for _ in range(rng.integers(0, 5)):
        data[rng.integers(len(data))] = rng.integers(256)
    data = bytes(data[: rng.integers(0, len(data) + 1)]) if rng.random() < 0.4 else bytes(data)
    return rng.bytes(rng.integers(0, 300)) if rng.random() < 0.2 else data


def fuzz(server, stub, count):
    def post(path, body):
        try:
            return urllib.request.urlopen(server.rest + path, body, timeout=60).status
        except urllib.error.HTTPError as error:
            return error.code

    codes = {200: 0, 400: 0}
    rng = np.random.default_rng(1)
    for _ in range(count):
        data = fuzzed(rng)
        body = json.dumps({"signature_name": "serving_bytes", "instances": [b64(data)]}).encode()
        if rng.random() < 0.3:
            body = data
        code = post(PREDICT, body)
        codes[code] = codes.get(code, 0) + 1
        assert post("/view", data) in (200, 400), data
        message = request(np.array([data], object), "image_bytes", "serving_bytes")
        try:
            stub.Predict(message, timeout=60)
            assert code == 200 or body is data
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error
            assert code == 400
    assert set(codes) == {200, 400} and min(codes.values()) > count // 20, codes
    assert ask(server, "/healthz")["status"] == "ok"


def test_fuzz(server, stub):
    fuzz(server, stub, 100)


@pytest.mark.slow
def test_fuzz_long(server, stub):
    fuzz(server, stub, 1000)


def test_concurrent_clients_get_their_own_answers(server, stub):
    def one(seed):
        image = np.random.default_rng(seed).integers(0, 256, (5 + seed % 7, 8, 3), dtype=np.uint8)
        if seed % 2:
            found = tf.make_ndarray(stub.Predict(request(image[None])).outputs["inverse_depth"])[0]
        else:
            found = client.predict(server.rest, saved_model.png(image))["inverse_depth"][..., None]
        np.testing.assert_allclose(found, expected(image), rtol=1e-5)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(64)))


def test_versions_switch_under_load(tmp_path):
    served.write_version(tmp_path, 1)
    with served.running(tmp_path) as server, grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        stop, seen = time.monotonic() + 60, {1: set(), 0: set()}

        def keep_asking(parity):
            while time.monotonic() < stop and 3 not in seen[parity]:
                if parity:
                    beta = tf.make_ndarray(stub.Predict(request(), timeout=60).outputs["beta"])
                else:
                    beta = client.predict(server.rest, PNG)["beta"]
                assert beta.min() == beta.max()
                seen[parity].add(int(beta.max()))

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(keep_asking, number % 2) for number in range(4)]
            (tmp_path / "2").mkdir()  # broken: never served, never harmful
            (tmp_path / "2" / "saved_model.pb").write_bytes(b"no model")
            served.write_version(tmp_path, 3)
            for future in asking:
                future.result()  # raises what a request raised
        assert seen[0] >= {3} and seen[1] >= {3} and 2 not in seen[0] | seen[1]
        assert server.model.version("aquanet").number == 3


def test_a_version_that_breaks_in_any_way_is_left_alone(tmp_path):
    """Warm-up requests for what the model does not have, and a model cut off at any byte."""
    first = served.write_version(tmp_path, 1)
    shutil.copytree(first, tmp_path / "2")
    warmup.write(tmp_path / "2", ["none"], 4, 4)
    data = (first / "saved_model.pb").read_bytes()
    for number in range(3, 9):
        shutil.copytree(first, tmp_path / str(number))
        rest = data[: len(data) * (number - 3) // 6]
        (tmp_path / str(number) / "saved_model.pb").write_bytes(rest)
    held = versions.ServedModel(tmp_path)
    assert held.version("aquanet").number == 1
    assert set(held.broken()) == set(range(2, 9)) and all(held.broken().values())
    served.write_version(tmp_path, 9)
    held.reload()
    assert held.version("aquanet").number == 9


def test_command_serves_and_client_saves(base, tmp_path):
    options = [f"--model_base_path={base}", "--rest_port=0", "--grpc_port=0"]
    log = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "export.serve", *options],
        cwd=commands.ROOT,
        stdout=subprocess.PIPE,
        stderr=log.open("w"),
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("aquanet version 3: REST http://"), line + log.read_text()
        address = line.split("REST ")[1].split("/v1/")[0]
        (tmp_path / "a.png").write_bytes(PNG)
        for out in ("a.npy", "a_16bit.png"):
            given = ["--input", tmp_path / "a.png", "--server", address, "--out", tmp_path / out]
            done = commands.run("export.client", *given)
            assert done.returncode == 0 and "9x14" in done.stdout, done.stderr + log.read_text()
        found = np.load(tmp_path / "a.npy")
        np.testing.assert_allclose(found, expected()[..., 0], rtol=1e-5)
        np.testing.assert_allclose(depth_png.read(tmp_path / "a_16bit.png"), found, atol=1e-4)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def test_client_speaks_grpc_too(server):
    address = f"grpc://{server.grpc}"
    by_grpc, by_rest = client.predict(address, PNG), client.predict(server.rest, PNG)
    assert set(by_grpc) == set(by_rest)
    for name, values in by_grpc.items():
        assert values.dtype == np.float32 and values.shape == IMAGE.shape[:2]
        np.testing.assert_allclose(values, by_rest[name], rtol=1e-6)
    with pytest.raises(ValueError, match="refused .INVALID_ARGUMENT.: image_bytes: not a JPEG"):
        client.predict(address, b"no image")
    with pytest.raises(OSError, match="--server=grpc://127.0.0.1:9: no answer"):
        client.predict("grpc://127.0.0.1:9", PNG)


def test_client_errors_name_the_cause(server, tmp_path):
    with pytest.raises(ValueError, match="refused .400.: image_bytes: not a JPEG"):
        client.predict(server.rest, b"no image")
    with pytest.raises(OSError, match="--server"):
        client.predict("http://127.0.0.1:9", PNG)


def test_command_errors_are_one_line(tmp_path):
    for folder, words in ((tmp_path / "none", "no such directory"), (tmp_path, "no servable")):
        done = commands.run("export.serve", f"--model_base_path={folder}")
        commands.assert_user_error(done, "--model_base_path", words)
