"""Points project back onto their pixels; what is known of the camera is read, or asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf import files
from aquanet_tf.cameras import formats
from aquanet_tf.cameras.camera_file import Camera as Found
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.media import point_cloud
from aquanet_tf.media.point_cloud import Camera, parse_camera

K = formats.pinhole(50.0, 40.0, 7.5, 4.0)
PINHOLE = Found(K, Lens())
KIND = [(n, "<f4") for n in "xyz"] + [(n, "u1") for n in "rgb"]


@given(st.integers(1, 9), st.integers(1, 9), st.floats(5, 500), st.integers(0, 99))
def test_points_project_back(height, width, focal, seed):
    depth = np.random.default_rng(seed).uniform(1, 200, (height, width))
    k = formats.pinhole(focal, 1.5 * focal, 0.4 * width, 0.6 * height)
    x, y, z = point_cloud.points(depth, Found(k, Lens())).T.astype(np.float64)
    v, u = np.indices(depth.shape)
    np.testing.assert_allclose(k[0, 0] * x / z + k[0, 2], u.ravel(), atol=1e-3)
    np.testing.assert_allclose(k[1, 1] * y / z + k[1, 2], v.ravel(), atol=1e-3)
    np.testing.assert_allclose(z, depth.ravel(), rtol=1e-6)


def test_ply(tmp_path):
    rng = np.random.default_rng(0)
    depth, image = rng.uniform(1, 9, (5, 7)), rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    point_cloud.write_ply(tmp_path / "a.ply", depth, image, PINHOLE)
    head, _, data = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    lines = head.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert "element vertex 35" in lines and "property uchar blue" in lines
    vertices = np.frombuffer(data, KIND)
    found = np.stack([vertices[n] for n in "xyz"], -1)
    np.testing.assert_array_equal(found, point_cloud.points(depth, PINHOLE))
    colors = np.stack([vertices[n] for n in "rgb"], -1)
    np.testing.assert_array_equal(colors, image.reshape(-1, 3))


def test_flags(tmp_path):
    np.testing.assert_allclose(parse_camera("50,40,7.5,4", 0).of(tmp_path, 9, 16).k, K)
    path = tmp_path / "k.json"
    files.write(path, {"K": [[50, 0, 7.5], [0, 40, 4], [0, 0, 1]]})
    np.testing.assert_allclose(parse_camera(str(path), 0).of(tmp_path, 9, 16).k, K)
    files.write(path, {"fx": 50, "fy": 40, "cx": 7.5, "cy": 4, "width": 16, "height": 9})
    np.testing.assert_allclose(parse_camera(str(path), 0).of(tmp_path, 9, 16).k, K)
    wide = parse_camera("", 90).of(tmp_path, 9, 16).k
    np.testing.assert_allclose(wide, formats.pinhole(8, 8, 7.5, 4))
    for text in ("1,2,3", "a,b,c,d", "-1,2,3,4", "nan,1,1,1", str(tmp_path / "none.json")):
        with pytest.raises(ValueError, match="--intrinsics"):
            parse_camera(text, 0)
    for fov in (-3, 180):
        with pytest.raises(ValueError, match="--fov"):
            parse_camera("", fov)
    with pytest.raises(ValueError, match="give one"):
        parse_camera("50,40,7.5,4", 90)


def test_undistorting_needs_a_lens(tmp_path):
    path = tmp_path / "k.json"
    values = {"fx": 100.0, "fy": 100.0, "cx": 99.5, "cy": 49.5}
    files.write(path, {**values, "distortion": [0.0] * 4})
    for flags in (("", 0), ("", 90), ("50,40,7.5,4", 0), (str(path), 0)):
        with pytest.raises(ValueError, match="--undistort needs the lens: give --intrinsics=FILE"):
            parse_camera(*flags, undistort=True)
    files.write(path, {**values, "distortion": [0.1] * 4})
    assert parse_camera(str(path), 0, undistort=True).undistort
    assert not parse_camera(str(path), 0).undistort


def test_the_size_in_the_file_counts(tmp_path):
    """A picture of half the size has the same angles, not half of the field of view."""
    path = tmp_path / "k.json"
    values = {"fx": 100.0, "fy": 100.0, "cx": 99.5, "cy": 49.5, "width": 200, "height": 100}
    files.write(path, values)
    camera = parse_camera(str(path), 0)
    for height, width in ((100, 200), (50, 100)):
        x, _, z = point_cloud.points(np.ones((height, width)), camera.of(path, height, width)).T
        angles = np.degrees(np.arctan2(x, z))
        np.testing.assert_allclose((angles.min(), angles.max()), (-45, 45), atol=0.5)
    with pytest.raises(ValueError, match="a.png: --intrinsics=.*is for 200x100.*100x100"):
        camera.of("a.png", 100, 100)
    files.write(path, {**values, "scale_factor": 2})
    with pytest.raises(ValueError, match="--intrinsics: .*k.json: unknown key 'scale_factor'"):
        parse_camera(str(path), 0)


def test_a_matrix_of_another_size_gives_a_warning(tmp_path):
    camera = parse_camera("50,40,7.5,4", 0)
    camera.of(tmp_path, 9, 16)  # its own size: no warning, which would be an error here
    with pytest.warns(UserWarning, match=r"principal point \(7.5, 4.0\) is 25% of the width"):
        camera.of(tmp_path, 18, 32)


@pytest.mark.parametrize("model", ["plumb_bob", "equidistant"])
def test_points_lie_on_the_rays_of_the_lens(tmp_path, model):
    path = tmp_path / "k.json"
    k = [40.0, 0, 31.5, 0, 40.0, 23.5, 0, 0, 1]
    files.write(path, {"K": k, "D": [-0.1, 0.02, 0.001, 0.002], "distortion_model": model})
    camera = parse_camera(str(path), 0).of(path, 48, 64)
    x, y, z = point_cloud.points(np.full((48, 64), 7.0), camera).T.astype(np.float64)
    seen_x, seen_y = camera.lens.distort(x / z, y / z)
    v, u = np.indices((48, 64))
    np.testing.assert_allclose(40 * seen_x + 31.5, u.ravel(), atol=1e-3)
    np.testing.assert_allclose(40 * seen_y + 23.5, v.ravel(), atol=1e-3)


def test_exif(tmp_path):
    picture = Image.fromarray(np.zeros((24, 36, 3), np.uint8))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 50
    picture.save(tmp_path / "a.jpg", exif=exif)
    found = Camera().of(tmp_path / "a.jpg", 24, 36)  # a pixel is a millimeter of the film
    np.testing.assert_allclose(found.k, formats.pinhole(50, 50, 17.5, 11.5))
    picture.save(tmp_path / "b.jpg")
    with pytest.raises(ValueError, match="b.jpg.*--intrinsics.*--fov"):
        Camera().of(tmp_path / "b.jpg", 24, 36)
