"""One camera in the words of every program is one camera; what is not known is refused by name."""

import json

import numpy as np
import pytest
from hypothesis import strategies as st

from aquanet_tf.cameras import camera_file, formats
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.geometry import camera as geometry_camera
from tests.support import fuzz

SHAPE = (480, 640)
K = formats.pinhole(500.0, 510.0, 320.5, 239.5)
BENT = Lens("radtan", (-0.3, 0.1, 0.001, -0.002))
ROUND = Lens("equidistant", (0.02, -0.01, 0.003, -0.001))
ROS = """header:
  seq: 1
  stamp: {secs: 0, nsecs: 0}
height: 480
width: 640
distortion_model: "%s"
D: [%s]
K: [500.0, 0.0, 320.5, 0.0, 510.0, 239.5, 0.0, 0.0, 1.0]
R: [1, 0, 0, 0, 1, 0, 0, 0, 1]
P: [400, 0, 300, 0, 0, 400, 200, 0, 0, 0, 1, 0]
binning_x: 0
binning_y: 0
roi: {x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false}
---
height: 480
"""
CALIBRATION = """image_width: 640
image_height: 480
camera_name: front
camera_matrix:
  rows: 3
  cols: 3
  data: [500, 0, 320.5, 0, 510, 239.5, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-3e-1, 0.1, 0.001, -0.002, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]}
"""
OPENCV = """%%YAML:1.0
---
calibration_time: "Mon 01 Jan 2024"
nframes: 12
image_width: 640
image_height: 480
flags: 0
fisheye_model: %d
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 500., 0., 3.205e+02, 0., 510., 239.5, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: %d
   cols: 1
   dt: d
   data: [ %s ]
avg_reprojection_error: 0.3
"""
KALIBR = """cam0:
  camera_model: pinhole
  distortion_coeffs: [%s]
  distortion_model: %s
  intrinsics: [500.0, 510.0, 320.5, 239.5]
  resolution: [640, 480]
  rostopic: /cam0/image_raw
  cam_overlaps: []
"""
COLMAP = "# Camera list\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n1 %s 640 480 %s\n"
NERF = {"fl_x": 500, "fl_y": 510, "cx": 321.0, "cy": 240.0, "w": 640, "h": 480, "frames": []}
OURS = {"fx": 500, "fy": 510, "cx": 320.5, "cy": 239.5, "width": 640, "height": 480}
FOUR, FISH = "-0.3, 0.1, 0.001, -0.002", "0.02, -0.01, 0.003, -0.001"
BENT_NAMES = dict(zip(("k1", "k2", "p1", "p2"), BENT.coefficients))
ROUND_NAMES = dict(zip(("k1", "k2", "k3", "k4"), ROUND.coefficients))


def spaced(text):
    return text.replace(",", "")


FILES = {
    "ours": (json.dumps({**OURS, "distortion": BENT.coefficients}), BENT),
    "ours, named": (json.dumps({**OURS, **BENT_NAMES}), BENT),
    "ours, fisheye": (json.dumps({**OURS, **ROUND_NAMES, "model": "fisheye"}), ROUND),
    "dist": (json.dumps({"K": K.tolist(), "dist": [BENT.coefficients]}), BENT),
    "nested": (json.dumps({**OURS, "distortion": BENT_NAMES}), BENT),
    "windows": ("\ufeff" + json.dumps(OURS).replace(",", ",\r\n"), Lens()),
    "ROS": (ROS % ("plumb_bob", FOUR + ", 0.0"), BENT),
    "ROS fisheye": (ROS % ("equidistant", FISH), ROUND),
    "ROS none": (ROS % ("", ""), Lens()),
    "ROS 2": ((ROS % ("plumb_bob", FOUR)).replace("K:", "k:").replace("D:", "d:"), BENT),
    "ROS JSON": (
        json.dumps(
            {"K": K.ravel().tolist(), "D": BENT.coefficients, "distortion_model": "plumb_bob"}
            | {"width": 640, "height": 480}
        ),
        BENT,
    ),
    "ROS calibration": (CALIBRATION, BENT),
    "OpenCV": (OPENCV % (0, 5, FOUR + ", 0."), BENT),
    "OpenCV fisheye": (OPENCV % (1, 4, FISH), ROUND),
    "OpenCV, 14": (OPENCV % (0, 14, FOUR + ", 0." * 10), BENT),
    "Kalibr": (KALIBR % (FOUR, "radtan"), BENT),
    "Kalibr fisheye": (KALIBR % (FISH, "equidistant"), ROUND),
    "COLMAP": (COLMAP % ("OPENCV", spaced(f"500, 510, 321, 240, {FOUR}")), BENT),
    "COLMAP fisheye": (COLMAP % ("OPENCV_FISHEYE", spaced(f"500, 510, 321, 240, {FISH}")), ROUND),
    "COLMAP pinhole": (COLMAP % ("PINHOLE", "500 510 321 240"), Lens()),
    "nerfstudio": (json.dumps({**NERF, **BENT_NAMES, "camera_model": "OPENCV"}), BENT),
    "nerfstudio fisheye": (
        json.dumps({**NERF, **ROUND_NAMES, "camera_model": "OPENCV_FISHEYE"}),
        ROUND,
    ),
}


def load(tmp_path, text):
    path = tmp_path / "camera.txt"
    path.write_text(text, encoding="utf-8")
    return camera_file.load(path)


def same(first, second):
    assert first.model == second.model
    longest = 8
    padded = [[*lens.coefficients, *[0.0] * longest][:longest] for lens in (first, second)]
    np.testing.assert_allclose(*padded)


@pytest.mark.parametrize("name", FILES)
def test_every_format_says_the_same_camera(tmp_path, name):
    text, lens = FILES[name]
    found = load(tmp_path, text)
    np.testing.assert_allclose(found.k, K)
    same(found.lens, lens)
    assert found.size in ((640, 480), None)
    if name not in ("dist",):
        assert found.size


@pytest.mark.parametrize(
    "model, numbers, lens",
    [
        ("SIMPLE_PINHOLE", "500 321 240", Lens()),
        ("SIMPLE_RADIAL", "500 321 240 0.1", Lens("radtan", (0.1,))),
        ("RADIAL", "500 321 240 0.1 0.2", Lens("radtan", (0.1, 0.2))),
        ("SIMPLE_RADIAL_FISHEYE", "500 321 240 0.1", Lens("equidistant", (0.1,))),
        (
            "FULL_OPENCV",
            "500 500 321 240 1 2 3 4 5 6 7 8",
            Lens("radtan", (1, 2, 3, 4, 5, 6, 7, 8)),
        ),
    ],
)
def test_models_of_colmap(tmp_path, model, numbers, lens):
    found = load(tmp_path, COLMAP % (model, numbers))
    np.testing.assert_allclose(found.k, formats.pinhole(500, 500, 320.5, 239.5))
    same(found.lens, lens)


def test_rational_coefficients_have_their_places(tmp_path):
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    found = load(tmp_path, json.dumps({**OURS, "D": values, "model": "rational_polynomial"}))
    names = dict(zip(("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"), values))
    named = load(tmp_path, json.dumps({**OURS, **names, "model": "rational_polynomial"}))
    assert found.lens.coefficients == named.lens.coefficients == tuple(values)


@pytest.mark.parametrize(
    "text, words",
    [
        (json.dumps({**OURS, "skewness": 1}), "unknown key 'skewness'"),
        (json.dumps({**OURS, "model": "double_sphere"}), "model 'doublesphere' is not read"),
        (json.dumps({**OURS, "D": [1.0], "model": "fov"}), "model 'fov' is not read"),
        (json.dumps({**OURS, "D": [1.0, 0], "model": "radtan"}), "2 numbers; expected four"),
        (json.dumps({**OURS, "D": [0.1] * 5, "model": "equi"}), "equidistant has four"),
        (json.dumps({**OURS, "D": [0.1] * 4, "k1": 0.1}), "given more than once"),
        (json.dumps({**OURS, "k1": 0.1, "k4": 0.1}), "k4 is no coefficient of the model radial"),
        (json.dumps({**OURS, "D": [0.1] * 4, "model": "pinhole"}), "pinhole has no distortion"),
        (json.dumps({**OURS, "K": K.tolist()}), "both a matrix and fx"),
        (json.dumps({**OURS, "image_width": 320}), "width and imagewidth say the same"),
        (json.dumps({**OURS, "height": None}), "width without height"),
        (json.dumps({**OURS, "distortion": {"q": 1}}), "distortion: unknown"),
        (json.dumps({"fx": 500, "cx": 3}), "no fy, cy"),
        ("[1, 2]", "no keys and values"),
        ("<?xml version='1.0'?>", "FileStorage"),
        ("{", "not valid JSON"),
        ("a: [", "not valid JSON or YAML"),
        ((KALIBR % (FOUR, "radtan")) + "cam1:\n  camera_model: pinhole\n", "holds cam0, cam1"),
        ((KALIBR % (FOUR, "radtan")).replace("pinhole", "omni"), "model 'omni' is not read"),
        (COLMAP % ("THIN_PRISM_FISHEYE", "1 2 3"), "model THIN_PRISM_FISHEYE is not read"),
        (COLMAP % ("PINHOLE", "500 321 240"), "PINHOLE has 4 numbers"),
        ((COLMAP % ("PINHOLE", "5 5 3 2")) + "2 PINHOLE 64 48 5 5 3 2\n", "holds 2 cameras"),
        (json.dumps({**NERF, "camera_model": "EQUIRECTANGULAR"}), "'equirectangular' is not read"),
        (json.dumps({**NERF, "frames": [{"fl_x": 3}]}), "a camera of its own"),
        ((ROS % ("", "")).replace("x_offset: 0", "x_offset: 9"), "roi: the images are a part"),
    ],
)
def test_what_is_not_known_is_refused_by_name(tmp_path, text, words):
    with pytest.raises(ValueError, match=words) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'camera.txt'}: ")
    assert "\n" not in str(caught.value)


def test_binary_files_are_named(tmp_path):
    path = tmp_path / "cameras.bin"
    path.write_bytes(b"\1\0\0\0\0\0\0\0\xfa\xce")  # COLMAP's begins with a number of 64 bits
    with pytest.raises(ValueError, match="cameras.bin: not text.*model_converter"):
        camera_file.load(path)


def test_k_follows_the_size(tmp_path):
    path = tmp_path / "k.json"
    path.write_text(json.dumps(OURS))
    found = camera_file.read(path, (240, 320))
    np.testing.assert_allclose(found.k, formats.pinhole(250, 255, 160, 119.5))
    with pytest.raises(ValueError, match="k.json: is for 640x480 .* 640x360, another aspect"):
        camera_file.read(path, (360, 640))


def test_the_formula_is_that_of_the_project():
    for scale in ((0.5, 0.25), (3.0, 2.0), (1 / 3, 0.7)):
        expected = geometry_camera.resize_intrinsics(K, *scale)
        np.testing.assert_allclose(camera_file.scaled(K, *scale), expected, rtol=1e-6)


def test_a_principal_point_off_the_middle_gives_a_warning():
    assert camera_file.warning(K, SHAPE) == ""
    text = camera_file.warning(K, (720, 1280))
    assert "25% of the width" in text and "off the middle of 1280x720" in text
    off = formats.pinhole(500, 500, 319.5 + 0.14 * 640, 239.5)
    assert camera_file.warning(off, SHAPE) == ""
    off[0, 2] = 319.5 - 0.16 * 640
    assert camera_file.warning(off, SHAPE)


WHOLE = [text.encode() for text, _ in FILES.values()]
values = st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.just(10**400)
rows = st.lists(values | st.lists(values, max_size=3), max_size=4)
keys = st.sampled_from(sorted([*formats.KEYS, "frames", "roi", "cam0"]))
contents = st.dictionaries(keys, values | rows | st.floats(1, 200) | st.dictionaries(keys, rows))


@fuzz.lengths(150)
def test_any_file_is_a_camera_or_names_itself(tmp_path, examples):
    path = tmp_path / "any.yaml"

    def check(data):
        if data.draw(st.booleans()):
            path.write_text(json.dumps(data.draw(contents)))
        else:
            path.write_bytes(fuzz.damaged(data, data.draw(st.sampled_from(WHOLE))))
        try:
            found = camera_file.read(path, SHAPE)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            return
        assert np.isfinite(found.k).all() and found.k[0, 0] > 0 and found.k[1, 1] > 0
        assert np.isfinite(found.lens.coefficients).all()

    fuzz.run(examples, check)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_files_saved_by_a_windows_editor(tmp_path, encoding):
    path = tmp_path / "camera.txt"
    for text in (COLMAP % ("PINHOLE", "500 510 321 240"), json.dumps({**NERF, **BENT_NAMES})):
        expected = load(tmp_path, text)
        path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
        found = camera_file.load(path)
        np.testing.assert_array_equal(found.k, expected.k)
        assert found[1:] == expected[1:]
