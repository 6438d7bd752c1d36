"""Encodes a triplet as a record: crops and resizes its images, and changes K accordingly."""

from __future__ import annotations

import io
import os
import pathlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from aquanet_tf.data import records
from aquanet_tf.geometry import camera
from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.media import images
from data_prep.dataset import origins, rectify, select, shards


class View(NamedTuple):
    """How images of one camera are stored, in pixels.

    recorded: (height, width) of the files. window: (top, left, height, width) of the part that is
    kept. size: (height, width) as stored. intrinsics: K [3, 3] float32 of the stored images.
    origin: where the camera is described, for `origins`. lens: the images are rectified first, and
    `window` is a part of the rectified image; None: they are used as they are.
    """

    recorded: tuple[int, int]
    window: tuple[int, int, int, int]
    size: tuple[int, int]
    intrinsics: np.ndarray
    origin: str = ""
    lens: rectify.Lens | None = None

    def description(self) -> dict:
        """This camera in a record of `origins`."""
        entry = {
            "size": "{}x{}".format(*self.recorded),
            "K": [float(value) for value in self.intrinsics.ravel()],
        }
        if self.lens:
            entry["lens"] = [*self.lens.k, *self.lens.distortion, *self.lens.rotation]
        return entry


class Item(NamedTuple):
    """A triplet, how its images are stored, and the meters traveled from the target to the previous
    and the next frame (records.UNKNOWN where nobody knows)."""

    triplet: select.Triplet
    view: View
    distances: tuple[float, float] = (records.UNKNOWN, records.UNKNOWN)

    @property
    def key(self) -> str:
        return self.triplet.key

    @property
    def paths(self) -> tuple[pathlib.Path, ...]:
        return self.triplet.paths


def view(recorded, k, height: int = 0, window=None, origin: str = "") -> View:
    """The View of images of size `recorded` (height, width) with K [3, 3] in pixels.

    They are cropped to `window` (top, left, height, width; None: not cropped), then resized to
    `height` pixels (0: not resized) with their aspect kept.
    """
    top, left, rows, columns = window = window or (0, 0, *recorded)
    size = (height, max(1, round(columns * height / rows))) if height else (rows, columns)
    k = camera.crop_intrinsics(np.asarray(k, np.float64), left, top)
    k = camera.resize_intrinsics(k, size[1] / columns, size[0] / rows)
    return View(tuple(recorded), tuple(window), size, np.asarray(k, np.float32), origin)


def encode_triplet(item: Item, image_format: str, root: str | pathlib.Path) -> shards.Encoded:
    """The serialized record of one triplet, and what it was made of, below the raw directory
    `root`.

    Raises Unreadable for a damaged image. Two conditions raise ValueError, because they would
    silently invalidate K: an image size that differs from the calibration, and an EXIF orientation.
    """
    triplet, stored = item.triplet, item.view
    contents = [_read(path) for path in triplet.paths]
    record = records.Record(
        key=triplet.key,
        drive=triplet.drive.name,
        camera=triplet.camera,
        frame_ids=triplet.frames,
        images=tuple(
            encode_content(content, path, stored, image_format)
            for content, path in zip(contents, triplet.paths)
        ),
        height=stored.size[0],
        width=stored.size[1],
        intrinsics=stored.intrinsics,
        distances=item.distances,
    )
    made_of = {
        "cameras": {stored.origin: stored.description()},
        "files": {
            origins.name(path, root): origins.stamp(path, content)
            for path, content in zip(triplet.paths, contents)
        },
    }
    known = max(item.distances) > 0
    return shards.Encoded(records.to_example(record), *stored.size, made_of, known)


def encode_image(path: pathlib.Path, stored: View, image_format: str) -> bytes:
    """The image in a file, rectified, cropped and resized as its View says, as JPEG or PNG.

    A file that needs no change is copied byte by byte. Gray, palette, CMYK, transparent and 16-bit
    images become RGB (images.to_rgb). Raises as encode_triplet.
    """
    return encode_content(_read(path), path, stored, image_format)


def encode_content(source: bytes, path: pathlib.Path, stored: View, image_format: str) -> bytes:
    """`encode_image` of a file whose content, `source`, has been read."""
    try:
        images.check_sums(io.BytesIO(source))
        with Image.open(io.BytesIO(source)) as image:
            as_wanted = image.format.lower() == image_format and image.mode == "RGB"
            turned = images.is_turned(image)
            pixels = images.to_rgb(image)
    except kitti_layout.UNREADABLE as error:
        raise shards.Unreadable(path, select.describe(error)) from None
    if turned:
        raise ValueError(
            f"{path}: its EXIF tag asks for a rotation or reflection, and the calibration may be "
            "for the image before or after it; turn the pixels, or remove the tag, whichever "
            "agrees with the calibration"
        )
    if pixels.size != stored.recorded[::-1]:
        raise ValueError(
            f"{path}: {pixels.height}x{pixels.width}, but the calibration says "
            f"{stored.recorded[0]}x{stored.recorded[1]}; restore the original image or its "
            "calibration"
        )
    if stored.lens is not None:
        pixels = Image.fromarray(rectify.rectify(np.asarray(pixels), stored.lens))
        as_wanted = False
    top, left, rows, columns = stored.window
    if (columns, rows) != pixels.size:
        pixels, as_wanted = pixels.crop((left, top, left + columns, top + rows)), False
    if stored.size != (rows, columns):
        pixels, as_wanted = pixels.resize(stored.size[::-1], Image.Resampling.LANCZOS), False
    return source if as_wanted else encode_pixels(pixels, image_format)


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise shards.Unreadable(path, select.describe(error)) from None


def encode_pixels(pixels: Image.Image, image_format: str) -> bytes:
    """An RGB image as JPEG (quality 95, 4:4:4) or PNG."""
    options = {"quality": 95, "subsampling": 0} if image_format == "jpeg" else {}
    # Pillow releases Python's lock when it encodes into a file, but not into a buffer.
    linux = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("image"), "w+b") if linux else io.BytesIO() as file:
        pixels.save(file, image_format, **options)
        file.seek(0)
        return file.read()
