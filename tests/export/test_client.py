"""The client turns a photo upright as predict does, and sends any other file unchanged."""

import io

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
