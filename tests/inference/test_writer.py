"""Files of predict: which ones each format is, whose they are, in which unit and range."""

import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.cameras import formats as camera_formats
from aquanet_tf.cameras.formats import Calibration
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.inference.network import Prediction
from aquanet_tf.inference.writer import FORMATS, Writer
from aquanet_tf.media import color, depth_png, point_cloud
from aquanet_tf.media.pictures import Picture

SHAPE = (3, 4)
SCALE = 1 / 65535
CAMERA = point_cloud.Camera(Calibration(camera_formats.pinhole(4, 4, 1.5, 1), Lens(), None))
# What a file of each format is called after the name of its image.
ENDS = {
    "npy": ".npy",
    "png16": "_16bit.png",
    "color": "_color.png",
    "ply": ".ply",
    "moving": "_moving.png",
    "depth": "_depth.png",
}


def writer(out, formats, color_range=None, camera=CAMERA, metres_per_unit=2.0):
    return Writer(out, tuple(formats), SCALE, color_range, camera, metres_per_unit)


def inverse_depth(seed, low=0.05, high=0.9):
    return np.random.default_rng(seed).uniform(low, high, SHAPE).astype(np.float32)


def add(into, name, values, moving=None):
    image = np.arange(36, dtype=np.uint8).reshape(*SHAPE, 3)
    find = lambda: values > 0.5 if moving is None else moving()  # noqa: E731
    prediction = Prediction(values, np.ones_like(values), find_moving=find)
    into.add(name, Picture(pathlib.Path(f"{name}.png"), image), prediction)


def names(out):
    return {path.name for path in out.iterdir()}


@pytest.mark.parametrize("color_range", [None, (0.0, 1.0)])
@settings(max_examples=25)
@given(formats=st.sets(st.sampled_from(FORMATS), min_size=1))
def test_what_is_asked_for_is_written_and_nothing_else(tmp_path_factory, color_range, formats):
    out = tmp_path_factory.mktemp("out")
    used = writer(out, formats, color_range)
    for number in range(2):
        add(used, f"{number}", inverse_depth(number))
    used.finish()
    assert names(out) == {f"{number}{ENDS[name]}" for number in range(2) for name in formats}


def test_the_files_of_two_images_never_collide(tmp_path):
    """Also where the name of one is the start of a file of the other."""
    parts = [
        "a",
        "a.npy",
        "a_16bit",
        "a_color",
        "a_color.png",
        ".a",
        "a_depth.png",
        "a_16bit_color",
    ]
    used = writer(tmp_path, FORMATS)
    for number, name in enumerate(parts):
        add(used, name, inverse_depth(number))
    used.finish()
    assert len(names(tmp_path)) == len(parts) * len(FORMATS)
    for number, name in enumerate(parts):
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), inverse_depth(number))


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(0.1, 50))
def test_every_format_holds_the_same_depth(tmp_path_factory, seed, unit):
    """In units of the network, except `depth` and `ply`, which are in meters."""
    out, values = tmp_path_factory.mktemp("out"), inverse_depth(seed)
    used = writer(out, FORMATS, (0.1, 0.8), metres_per_unit=unit)
    add(used, "a", values)
    used.finish()
    np.testing.assert_array_equal(np.load(out / "a.npy"), values)
    np.testing.assert_allclose(depth_png.read(out / "a_16bit.png"), values, atol=0.51 * SCALE)
    with Image.open(out / "a_depth.png") as image:
        meters = np.asarray(image) / 256.0
    expected = unit / values
    far = expected > 65535 / 256
    np.testing.assert_allclose(meters[~far], expected[~far], atol=0.51 / 256)
    assert (meters[far] == 0).all()
    with Image.open(out / "a_moving.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.where(values > 0.5, 255, 0))
    with Image.open(out / "a_color.png") as image:
        assert image.info["colour_range"] == "0.1,0.8"
        shown = np.asarray(image)
    np.testing.assert_array_equal(shown, color.color_inverse_depth(values, 0.1, 0.8))
    header, points = (out / "a.ply").read_bytes().split(b"end_header\n", 1)
    z = np.frombuffer(points, np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3)]))["xyz"][:, 2]
    np.testing.assert_allclose(z, expected.ravel(), rtol=1e-6)
    assert b"units of depth, meters" in header


def test_a_point_cloud_without_a_known_scale_says_so(tmp_path):
    used = writer(tmp_path, ["ply"], metres_per_unit=None)
    add(used, "a", inverse_depth(0))
    assert b"units of depth, relative" in (tmp_path / "a.ply").read_bytes()
    with pytest.raises(ValueError, match="--write=depth is in meters"):
        writer(tmp_path, ["npy", "depth"], metres_per_unit=None)


@pytest.mark.parametrize("formats", [["color"], ["color", "npy"]])
def test_one_range_of_colors_for_all_images_holds_each_of_their_own(tmp_path, formats):
    used = writer(tmp_path, formats)
    maps = [inverse_depth(0, 0.4, 0.5), inverse_depth(1, 0.1, 0.2), inverse_depth(2, 0.3, 0.8)]
    for number, values in enumerate(maps):
        add(used, f"{number}", values)
    assert used.color_range is None and not list(tmp_path.glob("*_color.png"))
    used.finish()
    ranges = [color.robust_range([values]) for values in maps]
    assert used.color_range == (min(r[0] for r in ranges), max(r[1] for r in ranges))
    for number, values in enumerate(maps):
        with Image.open(tmp_path / f"{number}_color.png") as image:
            expected = color.color_inverse_depth(values, *used.color_range)
            np.testing.assert_array_equal(np.asarray(image), expected)


def test_with_a_given_range_colors_do_not_wait(tmp_path):
    used = writer(tmp_path, ["color"], (0.0, 1.0))
    add(used, "a", inverse_depth(0))
    assert names(tmp_path) == {"a_color.png"}
    used.finish()
    assert used.color_range == (0.0, 1.0)


def test_no_image_no_folder(tmp_path):
    used = writer(tmp_path / "out", FORMATS)
    used.finish()
    assert not (tmp_path / "out").exists() and used.color_range is None


def test_an_image_that_fails_leaves_no_file(tmp_path):
    """Neither without a camera for its points, nor without memory for what moves in it."""
    used = writer(tmp_path / "out", FORMATS, camera=point_cloud.Camera())
    with pytest.raises(ValueError, match="a point cloud needs the camera"):
        add(used, "a", inverse_depth(0))

    def too_large():
        raise ValueError("memory does not suffice")

    other = writer(tmp_path / "out", FORMATS)
    with pytest.raises(ValueError, match="memory"):
        add(other, "b", inverse_depth(0), too_large)
    used.finish()
    other.finish()
    assert names(tmp_path / "out") == set()


def test_what_moves_is_not_computed_where_nobody_asks(tmp_path):
    def never():
        raise AssertionError("computed")

    used = writer(tmp_path, [name for name in FORMATS if name != "moving"])
    add(used, "a", inverse_depth(0), never)
    used.finish()
    assert len(names(tmp_path)) == len(FORMATS) - 1
