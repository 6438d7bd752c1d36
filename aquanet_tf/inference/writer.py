"""TODO docstring of aquanet_tf.inference.writer."""

from __future__ import annotations

import pathlib
from typing import Callable

import numpy as np
from PIL import Image, PngImagePlugin

from aquanet_tf.media import color, depth_png, point_cloud

FORMATS = ("npy", "png16", "color", "ply", "moving")


class Writer:
    """Writes the files of single pictures.

    Args:
      out: directory, made if needed.
      formats: some of FORMATS.
      scale: inverse depth of one step of the 16-bit files.
      colour_range: inverse depths of the first and last color; None: found by `finish`, from the
        2nd to the 98th percentile, the widest over all pictures written.
      camera: for point clouds.
      moving: function from uint8 [H, W, 3] to bool [H, W], for masks of what likely moves.
    """

    def __init__(
        self,
        out: pathlib.Path,
        formats,
        scale: float,
        colour_range,
        camera,
        moving: Callable | None,
    ):
        self.out, self.formats, self.scale = out, formats, scale
        self.colour_range, self.camera, self.moving = colour_range, camera, moving
        self._ranges, self._waiting = [], {}
        out.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, source: pathlib.Path, image, inverse_depth) -> None:
        """image: uint8 [H, W, 3]; inverse_depth: float32 [H, W]. ValueError without a camera."""
        if "ply" in self.formats:
            camera = self.camera.of(source, *image.shape[:2])
            point_cloud.write_ply(self.out / f"{name}.ply", 1 / inverse_depth, image, camera)
        if "png16" in self.formats:
            depth_png.write(self.out / f"{name}_16bit.png", inverse_depth, self.scale)
        if "npy" in self.formats:
            np.save(self.out / f"{name}.npy", inverse_depth.astype(np.float32))
        if "moving" in self.formats:
            mask = np.where(self.moving(image), 255, 0).astype(np.uint8)
            Image.fromarray(mask).save(self.out / f"{name}_moving.png")
        if "color" not in self.formats:
            return
        if self.colour_range:
            self._color(name, inverse_depth)
            return
        self._ranges.append(color.robust_range([inverse_depth]))
        kept = name if "npy" in self.formats else f".{name}"
        self._waiting[name] = self.out / f"{kept}.npy"
        if "npy" not in self.formats:
            np.save(self._waiting[name], inverse_depth.astype(np.float32))

    def finish(self) -> None:
        """Colors the pictures that waited for the range."""
        if self._ranges:
            lows, highs = zip(*self._ranges)
            self.colour_range = min(lows), max(highs)
        for name, path in self._waiting.items():
            self._color(name, np.load(path))
            if "npy" not in self.formats:
                path.unlink()

    def _color(self, name, inverse_depth):
        text = PngImagePlugin.PngInfo()
        text.add_text("colour_range", "{!r},{!r}".format(*self.colour_range))
        text.add_text("colour_map", color.INVERSE_DEPTH_MAP)
        picture = color.color_inverse_depth(inverse_depth, *self.colour_range)
        Image.fromarray(picture).save(self.out / f"{name}_color.png", pnginfo=text)
