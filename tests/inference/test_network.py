"""Images that are no images are refused in words; units; what is computed only when asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.inference import Network, Prediction
from aquanet_tf.inference.network import as_uint8, working_pixels


class Brightness(Network):
    """Inverse depth from brightness; counts how often it is asked what moves."""

    kind, height, epoch, inverse_depth_max, beta_max = "test", 32, 7, 0.3, 2.5
    has_moving, asked = True, 0

    def maps(self, images):
        inverse_depth = (images.mean(-1) / 1000 + 0.01).astype(np.float32)
        return {"inverse_depth": inverse_depth, "beta": np.ones_like(inverse_depth)}

    def moving(self, image):
        self.asked += 1
        return image[..., 0] > 99


IMAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "image, words",
    [
        (IMAGE[None], r"shape \(1, 5, 7, 3\): expected one RGB image \[H, W, 3\]"),
        (IMAGE[..., 0], "shape"),
        (np.zeros((5, 7, 4), np.uint8), "shape"),
        (IMAGE[:0], "shape"),
        (IMAGE.astype(int), "type int64: expected uint8"),
        (IMAGE > 3, "type bool"),
        (IMAGE.astype(np.float32), "values [0-9]+ to 2[0-9]+: expected 0 to 1"),
        (IMAGE / 255 - 0.5, "expected 0 to 1"),
        (np.full((5, 7, 3), np.nan), "values nan"),
        ("photo.jpg", "shape"),
    ],
)
def test_what_is_no_image_is_refused(image, words):
    with pytest.raises(ValueError, match=words):
        Brightness()(image)


@given(st.sampled_from([np.float16, np.float32, np.float64]))
def test_floats_are_the_same_image(kind):
    np.testing.assert_array_equal(as_uint8((IMAGE / 255).astype(kind)), IMAGE)
    assert as_uint8(IMAGE) is IMAGE


def test_relative_units():
    prediction = Brightness()(IMAGE)
    assert prediction.unit == "relative" and prediction.depth.dtype == np.float32
    np.testing.assert_allclose(prediction.depth, 1 / (IMAGE.mean(-1) / 1000 + 0.01), rtol=1e-6)


def test_meters_where_the_scale_is_known():
    network = Brightness()
    relative = network(IMAGE)
    network.metres_per_unit = 2.5
    metric = network(IMAGE)
    assert metric.unit == "meters" and "meters" in repr(metric) and "meters" in repr(network)
    assert metric.inverse_depth.dtype == metric.depth.dtype == np.float32
    np.testing.assert_allclose(metric.depth, 2.5 * relative.depth, rtol=1e-6)
    np.testing.assert_array_equal(metric.beta, relative.beta)
    np.testing.assert_array_equal(metric.moving, relative.moving)
    np.testing.assert_array_equal(network.relative(IMAGE).inverse_depth, relative.inverse_depth)


def test_moving_is_computed_once_and_only_when_asked_for():
    network = Brightness()
    prediction = network(IMAGE)
    assert network.asked == 0
    np.testing.assert_array_equal(prediction.moving, IMAGE[..., 0] > 99)
    assert prediction.moving is prediction.moving and network.asked == 1
    network.has_moving = False
    with pytest.raises(ValueError, match="no `moving`"):
        _ = network(IMAGE).moving
    with pytest.raises(ValueError, match="stage-1 run"):
        network.require_moving()


def test_nan_is_an_error():
    network = Brightness()
    network.maps = lambda images: dict.fromkeys(("inverse_depth", "beta"), images[..., 0] * np.nan)
    with pytest.raises(ValueError, match="NaN"):
        network(IMAGE)


def test_a_strip_is_refused_before_the_network_sees_it():
    """Resized to the working height it would have a million times its pixels."""
    network = Brightness()
    network.maps = lambda images: pytest.fail("asked")
    with pytest.raises(ValueError, match="20000x6 pixels are more than 32 times as wide"):
        network(np.zeros((6, 20000, 3), np.uint8))
    assert Brightness()(np.zeros((1, 900, 3), np.uint8)).inverse_depth.shape == (1, 900)
    assert working_pixels(6, 192, 64) == 64 * 64 * 32
    assert working_pixels(20000, 6, 64) == 64 * 16


@pytest.mark.parametrize("method", ["maps", "moving"])
def test_memory_that_does_not_suffice_is_an_error_of_the_image(method):
    class Full(Exception):
        pass

    def full(image):
        raise Full

    network = Brightness()
    network.memory_errors = (Full,)
    setattr(network, method, full)
    with pytest.raises(ValueError, match="7x5 pixels: not enough memory for the network"):
        _ = network(IMAGE).moving


def test_texts_for_people():
    assert repr(Brightness()) == "<Brightness: test of epoch 7, working height 32, depth relative>"
    prediction = Prediction(np.full((2, 3), 0.5), np.ones((2, 3)))
    assert repr(prediction) == "Prediction(2x3 pixels, depth 2 to 2 relative)"
