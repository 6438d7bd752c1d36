"""The files that `aquanet_tf.predict` writes for one image or one frame of a video."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from aquanet_tf.inference.network import Prediction
from aquanet_tf.media import color, depth_png, point_cloud
from aquanet_tf.media.pictures import Picture

FORMATS = ("npy", "png16", "color", "ply", "moving", "depth")


class Writer:
    """Writes the files of single images.

    Inverse depth is in relative units; `depth`, and `ply` where the scale is known, in meters.

    Args:
      out: directory; made with the first image, so that a broken video leaves none.
      formats: some of FORMATS.
      scale: inverse depth of one step of the 16-bit files.
      color_range: inverse depths of the first and last color; None: `finish` measures it, from
        the 2nd to the 98th percentile, the widest over all images.
      camera: for point clouds.
      metres_per_unit: meters of one unit of depth; None: not known.

    Raises ValueError for `depth` without a scale. Attribute `color_range` is what was used; before
    `finish` it may be None.
    """

    def __init__(
        self,
        out: pathlib.Path,
        formats: tuple[str, ...],
        scale: float,
        color_range: tuple[float, float] | None,
        camera: point_cloud.Camera,
        metres_per_unit: float | None = None,
    ):
        if "depth" in formats and not metres_per_unit:
            raise ValueError(
                "--write=depth is in meters, and the scale is not known: run aquanet_tf.scale, or "
                "give --metres_per_unit"
            )
        self.metres_per_unit = metres_per_unit
        self.out, self.formats, self.scale = out, formats, scale
        self.color_range, self.camera = color_range, camera
        self._ranges, self._waiting = [], {}

    def add(self, name: str, picture: Picture, prediction: Prediction) -> None:
        """Writes the files NAME* of one image; colors wait for `finish` while there is no range.

        Args:
          name: start of the file names.
          picture: the image, and its file, whose EXIF may know the camera.
          prediction: of the image, in relative units.

        Raises ValueError when a point cloud is wanted and the camera is not known, and when memory
        does not suffice for `moving`.
        """
        inverse_depth = prediction.inverse_depth
        moving = prediction.moving if "moving" in self.formats else None  # before any file
        self.out.mkdir(parents=True, exist_ok=True)
        if "ply" in self.formats:
            image = picture.image
            camera = picture.camera or self.camera.of(picture.source, *image.shape[:2])
            unit = self.metres_per_unit or 1.0
            known = "meters" if self.metres_per_unit else "relative"
            with _whole(self.out / f"{name}.ply") as path:
                point_cloud.write_ply(path, unit / inverse_depth, image, camera, known)
        if "depth" in self.formats:
            with _whole(self.out / f"{name}_depth.png") as path:
                depth_png.write_meters(path, self.metres_per_unit / inverse_depth)
        if "png16" in self.formats:
            with _whole(self.out / f"{name}_16bit.png") as path:
                depth_png.write(path, inverse_depth, self.scale)
        if "npy" in self.formats:
            with _whole(self.out / f"{name}.npy") as path:
                np.save(path, inverse_depth.astype(np.float32))
        if moving is not None:
            mask = np.where(moving, 255, 0).astype(np.uint8)
            with _whole(self.out / f"{name}_moving.png") as path:
                Image.fromarray(mask).save(path)
        if "color" in self.formats:
            self._color_or_keep(name, inverse_depth)

    def finish(self) -> None:
        """Colors the images that waited for the common range."""
        if self._ranges:
            lows, highs = zip(*self._ranges)
            self.color_range = min(lows), max(highs)
        for name, path in self._waiting.items():
            self._color(name, np.load(path))
            if "npy" not in self.formats:
                path.unlink()

    def _color_or_keep(self, name, inverse_depth):
        if self.color_range:
            self._color(name, inverse_depth)
            return
        # Kept on disk, not in memory: there may be many images.
        self._ranges.append(color.robust_range([inverse_depth]))
        kept = name if "npy" in self.formats else f".{name}"
        self._waiting[name] = self.out / f"{kept}.npy"
        if "npy" not in self.formats:
            with _whole(self._waiting[name]) as path:
                np.save(path, inverse_depth.astype(np.float32))

    def _color(self, name, inverse_depth):
        text = PngImagePlugin.PngInfo()
        text.add_text("colour_range", "{!r},{!r}".format(*self.color_range))
        text.add_text("colour_map", color.INVERSE_DEPTH_MAP)
        picture = color.color_inverse_depth(inverse_depth, *self.color_range)
        with _whole(self.out / f"{name}_color.png") as path:
            Image.fromarray(picture).save(path, pnginfo=text)


@contextlib.contextmanager
def _whole(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Removes the file when it cannot be written to its end, and raises OSError that names it.

    Not `files.atomic`, which waits for the disk: a video has thousands of these files.
    """
    try:
        yield path
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error
