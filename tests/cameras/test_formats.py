"""Camera files: what is written in the words of a program is read back, whatever the numbers."""

import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.cameras import formats
from aquanet_tf.cameras.lens import Lens

NAMES = ("k1", "k2", "p1", "p2")
FISHEYE_NAMES = ("k1", "k2", "k3", "k4")


def plain(k):
    return dict(zip(("fx", "fy", "cx", "cy"), k[[0, 1, 0, 1], [0, 1, 2, 2]].tolist()))


def ours(k, lens, size):
    named = {**plain(k), "width": size[0], "height": size[1]}
    return json.dumps({**named, "distortion": lens.coefficients, "model": lens.model})


def ros(k, lens, size):
    model = {"radtan": "plumb_bob", "equidistant": "equidistant"}[lens.model]
    d = [*lens.coefficients, 0.0] if lens.model == "radtan" else list(lens.coefficients)
    named = {"image_width": size[0], "image_height": size[1], "camera_name": "front"}
    named["camera_matrix"] = {"rows": 3, "cols": 3, "data": k.ravel().tolist()}
    named["distortion_coefficients"] = {"rows": 1, "cols": len(d), "data": d}
    return yaml.safe_dump({**named, "distortion_model": model})


def opencv(k, lens, size):
    def matrix(values, rows):
        numbers = ", ".join(f"{v:.17g}" for v in values)  # also 1e-05, a text in YAML
        head = f"   rows: {rows}\n   cols: {len(values) // rows}\n   dt: d\n"
        return f"!!opencv-matrix\n{head}   data: [ {numbers} ]\n"

    text = f"%YAML:1.0\n---\nimage_width: {size[0]}\nimage_height: {size[1]}\n"
    text += f"fisheye_model: {int(lens.model == 'equidistant')}\n"
    text += f"camera_matrix: {matrix(k.ravel(), 3)}"
    return text + f"distortion_coefficients: {matrix(lens.coefficients, 4)}"


def kalibr(k, lens, size):
    camera = {"camera_model": "pinhole", "intrinsics": list(plain(k).values())}
    camera["distortion_model"] = lens.model
    camera["distortion_coeffs"] = list(lens.coefficients)
    return yaml.safe_dump({"cam0": {**camera, "resolution": list(size), "rostopic": "/front"}})


def half_pixel(k):
    """K where the center of the first pixel is at 0.5."""
    return k + [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]


def colmap(k, lens, size):
    model = "OPENCV_FISHEYE" if lens.model == "equidistant" else "OPENCV"
    numbers = [*plain(half_pixel(k)).values(), *lens.coefficients]
    return f"# Cameras\n1 {model} {size[0]} {size[1]} {' '.join(map(repr, numbers))}\n"


def nerfstudio(k, lens, size):
    k = half_pixel(k)
    names = FISHEYE_NAMES if lens.model == "equidistant" else NAMES
    named = {"fl_x": k[0, 0], "fl_y": k[1, 1], "cx": k[0, 2], "cy": k[1, 2]}
    named["camera_model"] = "OPENCV_FISHEYE" if lens.model == "equidistant" else "OPENCV"
    named.update(zip(names, lens.coefficients), w=size[0], h=size[1], frames=[])
    return json.dumps(named)


focal, coefficient = st.floats(1e-3, 1e5), st.floats(-0.5, 0.5)
matrices = st.builds(formats.pinhole, focal, focal, st.floats(-9, 2000), st.floats(-9, 2000))
lenses = st.builds(Lens, st.sampled_from(["radtan", "equidistant"]), st.tuples(*[coefficient] * 4))
sizes = st.tuples(st.integers(1, 9999), st.integers(1, 9999))


@pytest.mark.parametrize("write", [ours, ros, opencv, kalibr, colmap, nerfstudio])
@given(k=matrices, lens=lenses, size=sizes)
def test_any_camera_is_read_back(write, k, lens, size):
    found = formats.parse(write(k, lens, size).encode())
    np.testing.assert_allclose(found.k, k, rtol=1e-12, atol=1e-9)
    assert found.lens.model == lens.model
    np.testing.assert_array_equal(found.lens.coefficients[:4], lens.coefficients)
    assert not any(found.lens.coefficients[4:]) and found.size == size


def squeezed(key):
    return key.replace("_", "").replace("-", "").replace(" ", "").lower()


CAMERA = {"fx": 500.0, "fy": 510.0, "cx": 320.5, "cy": 239.5}


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30))
def test_no_key_is_passed_over_unless_it_is_known(key):
    """A misspelled coefficient would otherwise be one that is missing."""
    known = formats.KEYS | formats._IGNORED
    if squeezed(key) in known:
        return
    with pytest.raises(ValueError) as caught:
        formats.parse(json.dumps({**CAMERA, key: 1}).encode())
    assert str(caught.value).startswith(f"unknown key {key!r}; expected ")


@pytest.mark.parametrize("key", sorted(formats._IGNORED - {"frames", "roi"}))
def test_what_does_not_concern_the_camera_changes_nothing(key):
    expected = formats.parse(json.dumps(CAMERA).encode())
    found = formats.parse(json.dumps({**CAMERA, key: [1, 2]}).encode())
    np.testing.assert_array_equal(found.k, expected.k)
    assert found[1:] == expected[1:]


def test_what_is_read_is_not_ignored():
    assert not formats.KEYS & formats._IGNORED


@pytest.mark.parametrize("spelling", ["camera_matrix", "Camera-Matrix", "cameraMatrix", "K"])
def test_keys_may_be_spelled_in_any_way(spelling):
    found = formats.parse(json.dumps({spelling: formats.pinhole(5, 6, 3, 2).tolist()}).encode())
    np.testing.assert_array_equal(found.k, formats.pinhole(5, 6, 3, 2))
    assert found.size is None and found.lens == Lens()


def test_one_focal_length_of_nerfstudio_is_both():
    named = {"fl_x": 500, "cx": 320, "cy": 240}
    np.testing.assert_array_equal(
        formats.parse(json.dumps(named).encode()).k, formats.pinhole(500, 500, 319.5, 239.5)
    )


def test_one_is_the_value_on_which_all_names_agree():
    assert formats.one({"w": 4, "width": 4, "h": 3}, ("width", "w")) == 4
    assert formats.one({"w": None, "width": 0}, ("width", "w")) == 0
    assert formats.one({"h": 3}, ("width", "w")) is None
    with pytest.raises(ValueError, match="width and w say the same with other values"):
        formats.one({"w": 4, "width": 5}, ("width", "w"))


@pytest.mark.parametrize("place", [(0, 0), (1, 1), (1, 0), (2, 0), (2, 1), (2, 2)])
def test_a_matrix_that_no_camera_has_is_refused(place):
    k = formats.pinhole(500, 510, 320, 240)
    k[place] = -1.0
    with pytest.raises(ValueError, match="not a camera matrix"):
        formats.parse(json.dumps({"K": k.tolist()}).encode())


@pytest.mark.parametrize("size", [(0, 480), (640, -1)])
def test_a_size_is_positive(size):
    named = {**CAMERA, "width": size[0], "height": size[1]}
    with pytest.raises(ValueError, match="must be positive"):
        formats.parse(json.dumps(named).encode())
