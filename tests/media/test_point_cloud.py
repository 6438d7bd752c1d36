"""Points project back onto their pixels; what is known of the camera is read, or asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf import files
from aquanet_tf.media import point_cloud
from aquanet_tf.media.point_cloud import Camera, Intrinsics, parse_camera

K = Intrinsics(50.0, 40.0, 7.5, 4.0)
KIND = [(n, "<f4") for n in "xyz"] + [(n, "u1") for n in "rgb"]


@given(st.integers(1, 9), st.integers(1, 9), st.floats(5, 500), st.integers(0, 99))
def test_points_project_back(height, width, focal, seed):
    depth = np.random.default_rng(seed).uniform(1, 200, (height, width))
    camera = Intrinsics(focal, 1.5 * focal, 0.4 * width, 0.6 * height)
    x, y, z = point_cloud.points(depth, camera).T.astype(np.float64)
    v, u = np.indices(depth.shape)
    np.testing.assert_allclose(camera.fx * x / z + camera.cx, u.ravel(), atol=1e-3)
    np.testing.assert_allclose(camera.fy * y / z + camera.cy, v.ravel(), atol=1e-3)
    np.testing.assert_allclose(z, depth.ravel(), rtol=1e-6)


def test_ply(tmp_path):
    rng = np.random.default_rng(0)
    depth, image = rng.uniform(1, 9, (5, 7)), rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    point_cloud.write_ply(tmp_path / "a.ply", depth, image, K)
    head, _, data = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    lines = head.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert "element vertex 35" in lines and "property uchar blue" in lines
    vertices = np.frombuffer(data, KIND)
    found = np.stack([vertices[n] for n in "xyz"], -1)
    np.testing.assert_array_equal(found, point_cloud.points(depth, K))
    colors = np.stack([vertices[n] for n in "rgb"], -1)
    np.testing.assert_array_equal(colors, image.reshape(-1, 3))


def test_flags(tmp_path):
    assert parse_camera("50,40,7.5,4", 0).of(tmp_path, 9, 16) == K
    path = tmp_path / "k.json"
    files.write(path, {"K": [[50, 0, 7.5], [0, 40, 4], [0, 0, 1]]})
    assert parse_camera(str(path), 0).intrinsics == K
    files.write(path, K._asdict())
    assert parse_camera(str(path), 0).intrinsics == K
    wide = parse_camera("", 90).of(tmp_path, 9, 16)
    np.testing.assert_allclose(wide, (8, 8, 7.5, 4))
    for text in ("1,2,3", "a,b,c,d", "-1,2,3,4", "nan,1,1,1", str(tmp_path / "none.json")):
        with pytest.raises(ValueError, match="--intrinsics"):
            parse_camera(text, 0)
    for fov in (-3, 180):
        with pytest.raises(ValueError, match="--fov"):
            parse_camera("", fov)
    with pytest.raises(ValueError, match="give one"):
        parse_camera("50,40,7.5,4", 90)


def test_exif(tmp_path):
    picture = Image.fromarray(np.zeros((24, 36, 3), np.uint8))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 50
    picture.save(tmp_path / "a.jpg", exif=exif)
    found = Camera().of(tmp_path / "a.jpg", 24, 36)  # a pixel is a millimeter of the film
    np.testing.assert_allclose(found, (50, 50, 17.5, 11.5))
    picture.save(tmp_path / "b.jpg")
    with pytest.raises(ValueError, match="b.jpg.*--intrinsics.*--fov"):
        Camera().of(tmp_path / "b.jpg", 24, 36)
