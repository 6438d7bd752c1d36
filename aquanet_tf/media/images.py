"""Image files in: any ordinary picture becomes uint8 RGB; and which files a path means."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import ExifTags, Image, ImageOps

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def read_image(path: str | pathlib.Path) -> np.ndarray:
    """uint8 [H, W, 3] RGB, turned upright by its EXIF tag.

    Gray, palette, CMYK and transparent pictures are converted; of 16-bit gray the high byte is
    kept. Raises ValueError naming the file when it is missing, damaged, or no image.
    """
    try:
        check_sums(path)
        with Image.open(path) as image:
            image.load()
            return np.array(to_rgb(ImageOps.exif_transpose(image)))
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file") from error
    # Pillow raises many kinds on damaged files: struct.error and TypeError for an EXIF tag, too.
    except Exception as error:
        reason = str(error).replace(f" {str(path)!r}", "")
        raise ValueError(f"{path}: not a readable image ({reason})") from error


def check_sums(file) -> None:
    """SyntaxError for a PNG (path or file object) whose checksums do not fit: Pillow decodes it all
    the same, to other pixels."""
    with Image.open(file) as image:
        if image.format == "PNG":
            image.verify()


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture as 8-bit RGB, not turned: gray and palette expanded, CMYK converted,
    transparency dropped, of 16-bit gray the high byte (Pillow alone would clip it to white).

    ValueError for floating point pixels, whose range nobody knows, and for no pixels at all.
    """
    if 0 in image.size:
        raise ValueError("no pixels")
    if image.mode == "F":
        raise ValueError("floating point pixels")
    if image.mode.startswith("I"):
        gray = np.clip(np.asarray(image).astype(np.int64) // 256, 0, 255)
        image = Image.fromarray(gray.astype(np.uint8))
    return image.convert("RGB")


def is_turned(image: Image.Image) -> bool:
    """Whether an EXIF tag asks for the pixels to be rotated or mirrored."""
    return image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)


def list_images(path: str | pathlib.Path) -> list[pathlib.Path]:
    """The file itself, or the pictures lying directly in a folder, sorted by name.

    Raises ValueError when the path does not exist or the folder holds none.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ValueError(f"{path}: no such file or folder")
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in EXTENSIONS and p.is_file())
    if not found:
        raise ValueError(f"{path}: no image in this folder (looked for {', '.join(EXTENSIONS)})")
    return found
