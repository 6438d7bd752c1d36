"""What the network gets shows the rays of a pinhole camera, whatever the lens and the size."""

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.cameras import camera_file, formats
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.media import video
from aquanet_tf.media.pictures import Pictures
from aquanet_tf.media.point_cloud import Camera

LENS = Lens("radtan", (0.2, -0.02, 0.002, -0.001))
K, SIZE = formats.pinhole(60.0, 62.0, 49.0, 35.0), (70, 100)
CAMERA = Camera(formats.Calibration(K, LENS, SIZE[::-1]), source="--intrinsics=k", undistort=True)


def scene(x, y):
    """Color 0..255 of the ray (x, y, 1), smooth; [..., 3]."""
    waves = [np.sin(3 * x + 2 * y), np.cos(2 * x - 4 * y), np.sin(3 * x * y + 2)]
    return (127.5 + 110 * np.stack(waves, -1)).round().astype(np.uint8)


def rays(k, shape):
    v, u = np.indices(shape)
    return (u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1]


@pytest.mark.parametrize("scale", [1, 2])
def test_pixels_show_the_rays_of_the_camera(tmp_path, scale):
    """Also when the image has another size than the calibration."""
    shape = (SIZE[0] * scale, SIZE[1] * scale)
    recorded = scene(*LENS.undistort(*rays(camera_file.scaled(K, scale, scale), shape)))
    Image.fromarray(recorded).save(tmp_path / "a.png")
    found = Pictures(CAMERA).read(tmp_path / "a.png")
    height, width = found.image.shape[:2]
    assert 0.5 * shape[0] < height < shape[0] and 0.5 * shape[1] < width < shape[1]
    assert not found.camera.lens.distorts and found.source == tmp_path / "a.png"
    expected = scene(*rays(found.camera.k, (height, width))).astype(int)
    assert np.abs(found.image - expected).max() < 4


def test_without_the_wish_nothing_changes(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    found = Pictures(CAMERA._replace(undistort=False)).read(tmp_path / "a.png")
    np.testing.assert_array_equal(found.image, picture)
    assert found.camera is None


def test_frames_of_a_video(tmp_path):
    path = tmp_path / "a.mp4"
    with video.writing(path, *SIZE, 5.0, "") as append:
        for shade in (60, 120):
            append(np.full((*SIZE, 3), shade, np.uint8))
    pictures = Pictures(CAMERA)
    clip, frames = pictures.probe(path), list(pictures.frames(path))
    assert [frame.image.shape for frame in frames] == [(clip.height, clip.width, 3)] * 2
    assert clip.frames == 2 and clip.height < SIZE[0]
    np.testing.assert_allclose([frame.image.mean() for frame in frames], (60, 120), atol=4)


def test_an_image_of_another_camera_is_named(tmp_path):
    Image.new("RGB", (50, 50)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="a.png: --intrinsics=k: is for 100x70 pixels"):
        Pictures(CAMERA).read(tmp_path / "a.png")
    folds = CAMERA._replace(calibration=CAMERA.calibration._replace(lens=Lens("radtan", (-3.0,))))
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="a.png: --intrinsics=k: distortion radtan"):
        Pictures(folds).read(tmp_path / "a.png")
