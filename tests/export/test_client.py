"""The client turns a photo upright as predict does, and sends any other file unchanged."""

import io
import socket
import threading

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.media import images
from export import client

pytest.importorskip("tensorflow_serving")
from tests.support import served

base = served.base
server = served.server


def photo(orientation, kind="JPEG"):
    """A file with this EXIF orientation (0: none)."""
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(served.IMAGE).save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_answer_has_the_pixels_of_the_upright_photo(server, protocol, orientation):
    data = photo(orientation)
    address = server.rest if protocol == "rest" else f"grpc://{server.grpc}"
    found = client.predict(address, data)["inverse_depth"]
    image = images.read_image(io.BytesIO(data))
    assert found.shape == image.shape[:2]
    assert (found.shape == served.IMAGE.shape[:2]) == (orientation < 5)
    np.testing.assert_allclose(found, served.expected(image)[..., 0], rtol=1e-5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_without_a_turn_is_sent_unchanged(kind):
    for orientation in (0, 1):
        assert client.upright(photo(orientation, kind)) == photo(orientation, kind)
    assert client.upright(photo(3, kind)) != photo(3, kind)
    for data in (b"", b"no image", photo(0, kind)[:30]):
        assert client.upright(data) == data


@pytest.mark.parametrize("address", ["", "127.0.0.1:8501", "localhost", "ftp://127.0.0.1"])
def test_an_address_without_its_protocol_names_the_flag(address):
    with pytest.raises(ValueError, match=f"--server={address}: expected http://"):
        client.predict(address, photo(0))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_a_server_that_falls_silent_is_named(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []

        def serve():
            held.append(listener.accept()[0])
            held[0].sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(OSError, match=f"--server={address}: no answer \\(timed out"):
            client.predict(address, photo(0), timeout=0.2)
        thread.join()
        held[0].close()


@pytest.mark.parametrize(
    "answer",
    [
        b"\0\0\x18\x04\0\0\0\0\0\0",  # as a gRPC server begins
        b"HTTP/1.0 200 OK\r\n\r\n<html>another program</html>",
        b'HTTP/1.0 200 OK\r\n\r\n{"predictions": []}',
        b"HTTP/1.0 200 OK\r\n\r\n[1]",
    ],
)
def test_a_server_of_something_else_is_named(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises((OSError, ValueError), match=f"--server={address}: .*grpc://"):
            client.predict(address, photo(0))
        thread.join()
