"""Pictures of every kind in a drive: the right RGB in the records, or the file is named."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aquanet_tf.data import records
from aquanet_tf.geometry import camera
from data_prep.dataset import encode, select, shards
from data_prep.layouts import kitti
from tests.support import kitti_tree

VIEW = encode.view(kitti_tree.SHAPE, kitti_tree.K[2])
PIXELS = kitti_tree.image(1)
GRAY = np.asarray(Image.fromarray(PIXELS).convert("L"))


def png16(values):
    """A 16-bit PNG of uint16 [h, w] or [h, w, 3]; Pillow cannot write the latter."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if values.ndim == 3 else 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def saved(image, image_format="png", **options):
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def converted(mode):
    image = Image.fromarray(PIXELS).convert(mode)
    return saved(image), np.asarray(image.convert("RGB"))


def clear():
    """Colors with transparency: the color counts, not what might shine through."""
    alpha = np.linspace(0, 255, PIXELS[..., 0].size).reshape(kitti_tree.SHAPE).astype(np.uint8)
    return saved(Image.fromarray(np.dstack([PIXELS, alpha]))), PIXELS


def cmyk():
    image = Image.fromarray(PIXELS).convert("CMYK")
    data = saved(image, "jpeg", quality=100, subsampling=0)
    return data, np.asarray(image.convert("RGB"))


# file -> its content and the RGB [24, 80, 3] that it means
KINDS = {
    "sixteen_bit_gray.png": (
        png16(GRAY.astype(np.uint16) * 256 + 7),
        np.repeat(GRAY[..., None], 3, 2),
    ),
    "sixteen_bit_color.png": (png16(PIXELS.astype(np.uint16) * 256 + 7), PIXELS),
    "gray.png": (saved(Image.fromarray(GRAY)), np.repeat(GRAY[..., None], 3, 2)),
    "gray_alpha.png": converted("LA"),
    "palette.png": converted("P"),
    "black_and_white.png": converted("1"),
    "alpha.png": clear(),
    "cmyk.jpg": cmyk(),
}


@pytest.mark.parametrize("image_format", records.IMAGE_FORMATS)
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_becomes_rgb(tmp_path, name, image_format):
    data, expected = KINDS[name]
    (tmp_path / name).write_bytes(data)
    stored = encode.encode_image(tmp_path / name, VIEW, image_format)
    found = records.decode(stored, image_format).numpy().astype(int)
    error = np.abs(found - expected)
    # JPEG: black and white noise is the worst it can get.
    jpeg = {"black_and_white.png": 12}.get(name, 4)
    assert error.mean() <= (jpeg if image_format == "jpeg" else 1.5 if name == "cmyk.jpg" else 0)


@pytest.mark.parametrize("height", [0, 12])
def test_k_is_that_of_the_calibration_whatever_the_kind(tmp_path, height):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(2 + len(KINDS)))])
    folder = raw / kitti_tree.drive_name(1) / "image_02" / "data"
    for number, (name, (data, _)) in enumerate(KINDS.items(), 1):
        (folder / f"{number:010d}.png").unlink()
        (folder / f"{number:010d}{name[-4:]}").write_bytes(data)
    out = tmp_path / "out"
    info = kitti.prepare(kitti.Options(str(raw), str(out), height=height, static_filter=False))
    assert info["count"] == len(KINDS) and info["drops"] == {"no_neighbours": 2}  # both ends
    scale = height / 24 if height else 1
    expected = camera.resize_intrinsics(kitti_tree.K[2], scale, scale)
    for data in tf.data.TFRecordDataset([str(path) for path in out.glob("*.tfrecord")]):
        np.testing.assert_allclose(records.parse(data)["intrinsics"], expected, rtol=1e-6)


def test_the_static_filter_sees_motion_in_sixteen_bits(tmp_path):
    """Clipped to white they would all stand still."""
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(5))])
    for frame, path in enumerate(sorted((raw / kitti_tree.drive_name(1)).rglob("*.png"))):
        gray = Image.fromarray(kitti_tree.image(frame)).convert("L")
        path.write_bytes(png16(np.asarray(gray).astype(np.uint16) * 256))
    assert kitti.prepare(kitti.Options(str(raw), str(tmp_path / "out")))["count"] == 3


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_a_turned_picture_is_refused_for_k_may_not_be_its_own(tmp_path, image_format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned"
    path.write_bytes(saved(Image.fromarray(PIXELS), image_format, exif=exif))
    with pytest.raises(ValueError, match=f"{path}: its EXIF tag .* turn the pixels, or remove"):
        encode.encode_image(path, VIEW, image_format)


def test_an_upright_tag_is_no_turn(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 1
    path = tmp_path / "upright.png"
    path.write_bytes(saved(Image.fromarray(PIXELS), exif=exif))
    assert encode.encode_image(path, VIEW, "png") == path.read_bytes()


UNREADABLE = {
    "empty": b"",
    "no columns": png16(np.zeros((24, 0, 3))),
    "no rows": png16(np.zeros((0, 80, 3))),
    "text": b"no picture",
    "floating point": saved(Image.fromarray(PIXELS[..., 0].astype(np.float32)), "tiff"),
    "cut": saved(Image.fromarray(PIXELS))[:700],
}


@pytest.mark.parametrize("static_filter", [True, False])
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_picture_is_left_out_and_named(tmp_path, name, static_filter):
    path = tmp_path / "frame.png"
    path.write_bytes(UNREADABLE[name])
    if static_filter:
        reason = select.read_thumbnail(path)
    else:
        with pytest.raises(shards.Unreadable, match=f"^{path}: ") as caught:
            encode.encode_image(path, VIEW, "png")
        reason = caught.value.reason
    # The reason is part of the manifest, whose bytes must be the same in every run.
    assert isinstance(reason, str) and "0x" not in reason and str(tmp_path) not in reason
