"""Any ordinary picture becomes upright uint8 RGB; anything else is one clear error."""

import io

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.media import images, memory
from tests.support import fuzz

COLOR = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "LA"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.fromarray(COLOR).convert(mode).save(path)
    out = images.read_image(path)
    assert out.shape == (4, 6, 3) and out.dtype == np.uint8
    if mode == "RGBA":
        np.testing.assert_array_equal(out, COLOR)


def test_sixteen_bit_gray_keeps_the_high_byte(tmp_path):
    Image.fromarray((np.arange(6, dtype=np.uint16) * 10000).reshape(2, 3)).save(tmp_path / "a.png")
    out = images.read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(out[..., 0], (np.arange(6) * 10000 // 256).reshape(2, 3))


def test_exif_turns_the_picture_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.fromarray(COLOR).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(images.read_image(tmp_path / "a.png"), np.rot90(COLOR, -1))


@fuzz.lengths(60)
@pytest.mark.filterwarnings("ignore")  # Pillow's, about what is wrong
def test_damaged_files_are_pictures_or_name_themselves(tmp_path, examples):
    path = tmp_path / "bad.png"
    whole = {}
    for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP"):
        buffer = io.BytesIO()
        Image.fromarray(COLOR).save(buffer, kind)
        whole[kind] = buffer.getvalue()

    def check(data):
        kind = data.draw(st.sampled_from(sorted(whole)))
        damaged = fuzz.damaged(data, whole[kind])
        path.write_bytes(damaged)
        try:
            read = images.read_image(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: not a readable image") and "\n" not in str(error)
            return
        assert read.dtype == np.uint8 and read.ndim == 3 and read.shape[2] == 3
        if whole[kind].startswith(damaged) or kind == "PNG":
            # Only the end mark was cut off, or what is changed does not count for the pixels.
            np.testing.assert_array_equal(read, images.read_image(io.BytesIO(whole[kind])))

    fuzz.run(examples, check)


def test_any_byte_of_the_exif_may_be_wrong(tmp_path):
    """Pillow raises struct.error for some, as it writes the tags of the upright picture."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "hello"
    buffer = io.BytesIO()
    Image.fromarray(COLOR).save(buffer, "JPEG", exif=exif)
    whole, refused = buffer.getvalue(), 0
    start = whole.index(b"Exif")
    for place in range(start, start + 70):
        for value in (0, 3, 255):
            path = tmp_path / "bad.jpg"
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                assert images.read_image(path).shape[2] == 3
            except ValueError as error:
                assert "bad.jpg: not a readable image" in str(error)
                refused += 1
    assert refused


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="nothing.png: no such file"):
        images.read_image(tmp_path / "nothing.png")


def test_list_images(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", "._a.png", ".hidden.jpg", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in images.list_images(tmp_path)] == ["a.png", "b.JPG"]
    assert images.list_images(tmp_path / "a.png") == [tmp_path / "a.png"]
    with pytest.raises(ValueError, match="no image"):
        images.list_images(tmp_path / "folder.png")
    with pytest.raises(ValueError, match="no such file or folder"):
        images.list_images(tmp_path / "nowhere")


def test_a_size_is_that_of_the_upright_picture(tmp_path):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(COLOR).save(tmp_path / "a.png", exif=exif)
        assert images.size(tmp_path / "a.png") == images.read_image(tmp_path / "a.png").shape[:2]
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="a.png: not a readable image"):
        images.size(tmp_path / "a.png")
    with pytest.raises(ValueError, match="b.png: no such file"):
        images.size(tmp_path / "b.png")


def test_a_picture_may_have_any_size_that_memory_holds(tmp_path, monkeypatch):
    """Pillow alone refuses this one, of 196 million pixels, on any machine."""
    path, meminfo = tmp_path / "large.png", tmp_path / "meminfo"
    Image.new("1", (14_000, 14_000)).save(path)
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    meminfo.write_text("MemTotal: 1 kB\nMemAvailable: 64000000 kB\n")
    assert images.size(path) == (14_000, 14_000)
    with Image.open(path) as image:
        images.require_memory(image)
    meminfo.write_text("MemTotal: 99999999 kB\nMemAvailable: 1000000 kB\n")
    with pytest.raises(ValueError, match="large.png: .*14000x14000 pixels need about 11.8 GB of m"):
        images.read_image(path)
    meminfo.unlink()  # a system that does not say
    with Image.open(path) as image:
        images.require_memory(image)
    Image.fromarray(COLOR).save(path)
    assert images.read_image(path).shape == COLOR.shape
