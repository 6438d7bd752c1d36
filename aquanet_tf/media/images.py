"""Reads image files of any common kind as uint8 RGB, and lists the image files of a folder."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import ExifTags, Image, ImageOps

from aquanet_tf.media import memory

# Pillow refuses a large picture ("decompression bomb") whether there is memory for it or not;
# `require_memory` asks for the memory.
Image.MAX_IMAGE_PIXELS = None
# Bytes for each pixel that reading and predicting a picture take at most, measured; pictures below
# so many pixels are not asked about.
_BYTES, _SMALL = 60, 20_000_000
EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def read_image(path: str | pathlib.Path) -> np.ndarray:
    """uint8 [H, W, 3] RGB, turned upright by its EXIF tag.

    Gray, palette, CMYK and transparent images are converted; 16-bit gray keeps its high byte.
    Raises ValueError naming the file when it is missing, damaged, no image, or too large for the
    memory that is free.
    """
    try:
        check_sums(path)
        with Image.open(path) as image:
            require_memory(image)
            image.load()
            return np.array(to_rgb(ImageOps.exif_transpose(image)))
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file") from error
    # Pillow raises many kinds on damaged files: struct.error and TypeError for an EXIF tag, too.
    except Exception as error:
        reason = str(error).replace(f" {str(path)!r}", "")
        raise ValueError(f"{path}: not a readable image ({reason})") from error


def size(path: str | pathlib.Path) -> tuple[int, int]:
    """(height, width) in pixels of the upright image in a file, whose header alone is read.

    Raises ValueError naming the file when it is missing or no image.
    """
    try:
        with Image.open(path) as image:
            across = image.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
            return image.size if across else image.size[::-1]
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file") from error
    except Exception as error:  # Pillow raises many kinds on damaged files
        raise ValueError(f"{path}: not a readable image ({error})") from error


def require_memory(image: Image.Image) -> None:
    """Raises ValueError for a picture that needs more memory than is free. Decodes nothing."""
    pixels = image.width * image.height
    if pixels <= _SMALL:
        return
    free = memory.memory()[1]
    if pixels * _BYTES / 1e9 > free:  # never where the system does not say: NaN
        raise ValueError(
            f"{image.width}x{image.height} pixels need about {pixels * _BYTES / 1e9:.1f} GB of "
            f"memory, {free:.1f} GB are free; make the picture smaller"
        )


def check_sums(file) -> None:
    """Raises SyntaxError for a PNG (path or file object) with wrong checksums.

    Pillow would decode such a file without complaint, to wrong pixels.
    """
    with Image.open(file) as image:
        if image.format == "PNG":
            image.verify()


def to_rgb(image: Image.Image) -> Image.Image:
    """The image as 8-bit RGB, not rotated.

    Gray and palette are expanded, CMYK is converted, transparency dropped. 16-bit gray keeps its
    high byte (Pillow alone would clip it to white). Raises ValueError for floating point pixels,
    whose range is unknown, for an image without pixels, and as `require_memory`.
    """
    if 0 in image.size:
        raise ValueError("no pixels")
    require_memory(image)
    if image.mode == "F":
        raise ValueError("floating point pixels")
    if image.mode.startswith("I"):
        gray = np.clip(np.asarray(image).astype(np.int64) // 256, 0, 255)
        image = Image.fromarray(gray.astype(np.uint8))
    return image.convert("RGB")


def is_turned(image: Image.Image) -> bool:
    """Whether the EXIF orientation tag asks to rotate or mirror the pixels."""
    return image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)


def list_images(path: str | pathlib.Path) -> list[pathlib.Path]:
    """The file itself, or the image files directly in a folder, sorted by name.

    Raises ValueError when the path does not exist or the folder holds no image.
    """
    return list_files(path, EXTENSIONS, "image")


def list_files(path: str | pathlib.Path, extensions, kind: str) -> list[pathlib.Path]:
    """The file itself, or the files directly in a folder that end in one of `extensions`, by name.

    kind: what they are, for the ValueError when the path does not exist or the folder holds none.
    Foreign files (`is_foreign`) do not count.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ValueError(f"{path}: no such file or folder")
    found = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in extensions and not is_foreign(file) and file.is_file()
    )
    if not found:
        raise ValueError(f"{path}: no {kind} in this folder (looked for {', '.join(extensions)})")
    return found


def is_foreign(path: pathlib.PurePath) -> bool:
    """Whether a file is none of the user's: hidden, such as the `._NAME.jpg` that macOS writes
    beside NAME.jpg, or the file manager's own."""
    return path.name.startswith(".") or path.name.lower() in ("thumbs.db", "desktop.ini")
