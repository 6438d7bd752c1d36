"""Lens models of other programs: the same pixel as by their formulas, under every name of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.cameras import models
from aquanet_tf.cameras.lens import Lens

small = st.floats(-0.05, 0.05)
# How many numbers the models of COLMAP have.
COLMAP = {
    "SIMPLE_PINHOLE": 3,
    "PINHOLE": 4,
    "SIMPLE_RADIAL": 4,
    "RADIAL": 5,
    "OPENCV": 8,
    "FULL_OPENCV": 12,
    "OPENCV_FISHEYE": 8,
    "SIMPLE_RADIAL_FISHEYE": 4,
    "RADIAL_FISHEYE": 5,
}


def seen_by_colmap(model, p, u, v):
    """Pixel of the ray (u, v, 1) by COLMAP's sensor/models.h, whose first pixel is at 0.5."""
    one_f = model.startswith(("SIMPLE", "RADIAL"))
    fx, fy, cx, cy = (p[0], *p[:3]) if one_f else p[:4]
    k = p[3:] if one_f else p[4:]
    if model.endswith("FISHEYE"):
        r = math.hypot(u, v)
        t = math.atan(r)
        bent = t * (1 + sum(c * t ** (2 * i + 2) for i, c in enumerate(k)))
        return fx * u * bent / r + cx, fy * v * bent / r + cy
    r2, du, dv = u * u + v * v, 0.0, 0.0
    if model in ("SIMPLE_RADIAL", "RADIAL"):
        gain = 1 + sum(c * r2 ** (i + 1) for i, c in enumerate(k))
    elif k:
        k1, k2, p1, p2, k3, k4, k5, k6 = [*k, 0, 0, 0, 0][:8]
        gain = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
        du = 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
        dv = 2 * p2 * u * v + p1 * (r2 + 2 * v * v)
    else:
        gain = 1
    return fx * (u * gain + du) + cx, fy * (v * gain + dv) + cy


@pytest.mark.parametrize("model", COLMAP)
@given(data=st.data())
def test_a_ray_is_seen_where_colmap_sees_it(model, data):
    """Half a pixel aside, because pixels begin at 0.5 there and at 0 here."""
    focal = 1 if model.startswith(("SIMPLE", "RADIAL")) else 2
    count = COLMAP[model]
    p = [data.draw(st.floats(300, 900)) for _ in range(focal + 2)]
    p += [data.draw(small) for _ in range(count - focal - 2)]
    u, v = data.draw(st.tuples(st.floats(0.01, 0.8), st.floats(-0.8, -0.01)))
    k, lens, size = models.colmap(f"1 {model} 640 480 {' '.join(map(repr, p))}\n")
    x, y = lens.distort(np.array(u), np.array(v))
    ours = k @ [x, y, 1.0]
    np.testing.assert_allclose(ours[:2] + 0.5, seen_by_colmap(model, p, u, v), rtol=1e-9)
    assert ours[2] == 1 and size == (640, 480)


@pytest.mark.parametrize("model", COLMAP)
def test_a_list_of_cameras_with_too_few_or_too_many_numbers_is_refused(model):
    for count in (COLMAP[model] - 1, COLMAP[model] + 1):
        line = f"1 {model} 640 480 {' '.join(['300'] * count)}"
        with pytest.raises(ValueError, match=f"{model} has {COLMAP[model]} numbers"):
            models.colmap(line)


def test_cameras_of_one_kind_are_one_camera_and_comments_are_none():
    line = "PINHOLE 640 480 500 510 321 240"
    one = models.colmap(f"1 {line}\n")
    many = models.colmap(f"# 2 PINHOLE 1 1 1 1 1 1\n\n1 {line}\n7 {line}\n")
    np.testing.assert_array_equal(one[0], many[0])
    assert one[1:] == many[1:]
    assert models.is_colmap(f"# a list\n 1 {line}") and not models.is_colmap("# 1 PINHOLE 1 1 1")
    for text in ("", "fx: 1", '{"K": 1}', "1 2 3"):
        assert not models.is_colmap(text)


RADTAN = ("radtan", "plumb_bob", "Plumb Bob", "radial-tangential", "BROWN_CONRADY", "OpenCV")
EQUIDISTANT = ("equidistant", "EQUI", "fisheye", "OPENCV_FISHEYE", "Kannala-Brandt4")


@given(st.tuples(small, small, small, small).filter(any))
def test_every_name_of_a_model_is_that_model(values):
    """Of the distortion, or of the camera beside Kalibr's name of the projection."""
    for kind, spellings in (("radtan", RADTAN), ("equidistant", EQUIDISTANT)):
        for name in spellings:
            for named in (
                {"distortionmodel": name, "d": list(values)},
                {"model": name, "distortion": list(values)},
                {"cameramodel": "pinhole", "distortionmodel": name, "distcoeffs": [list(values)]},
            ):
                assert models.lens(named) == Lens(kind, values)


@given(st.lists(small, min_size=8, max_size=8))
def test_names_and_the_order_of_opencv_say_the_same(values):
    names = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
    single = dict(zip(names, values))
    expected = Lens("radtan", tuple(values))
    assert models.lens({"model": "rational", **single}) == expected
    assert models.lens({"model": "rational", "distortion": single}) == expected
    assert models.lens({"model": "rational", "d": [*values, 0, 0, 0, 0]}) == expected


@pytest.mark.parametrize(
    "model, counts", [("radtan", {0, 4, 5, 8, 12, 14}), ("equidistant", {0, 4}), ("pinhole", {0})]
)
def test_a_model_has_its_number_of_coefficients(model, counts):
    for count in range(16):
        values = ([0.1] * 8 + [0.0] * 8)[:count]
        if count in counts:
            assert models.of_model(model, values).coefficients == tuple(values[:8])
        else:
            with pytest.raises(ValueError, match="numbers; |has no distortion"):
                models.of_model(model, values)
    with pytest.raises(ValueError, match="12 numbers"):
        models.of_model("radtan", [0.1] * 12)  # a thin prism, which is not read


def test_two_models_in_one_file_are_refused_and_none_is_a_pinhole_camera():
    with pytest.raises(ValueError, match="two models, fisheye and radtan"):
        models.lens({"distortionmodel": "fisheye", "lensmodel": "radtan"})
    assert models.lens({"isfisheye": True}).model == "equidistant"
    assert models.lens({"isfisheye": False}) == models.lens({}) == Lens()
    assert not models.lens({"model": "pinhole", "k1": 0.0}).distorts


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_numbers_are_read_row_by_row_from_numbers_or_texts(values):
    assert models.numbers(values, "K") == values
    assert models.numbers([[v] for v in values], "K") == values
    assert models.numbers([repr(v) for v in values], "K") == values


@pytest.mark.parametrize(
    "value",
    [
        None,
        3.0,
        "1 2",
        {},
        [None],
        [True],
        [[1], 2],
        [[[1]]],
        ["x"],
        [math.inf],
        ["nan"],
        [10**400],
    ],
)
def test_what_is_no_list_of_finite_numbers_is_refused_by_name(value):
    with pytest.raises(ValueError, match="^dist: expected finite numbers$"):
        models.numbers(value, "dist")
