"""The files that `aquanet_tf.predict` writes for one image or one frame of a video."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image, PngImagePlugin

from aquanet_tf.inference.network import Prediction
from aquanet_tf.media import color, depth_png, point_cloud

FORMATS = ("npy", "png16", "color", "ply", "moving")


class Writer:
    """Writes the files of single images, all values in relative units.

    Args:
      out: directory, made if needed.
      formats: some of FORMATS.
      scale: inverse depth of one step of the 16-bit files.
      colour_range: inverse depths of the first and last color; None: `finish` measures it, from
        the 2nd to the 98th percentile, the widest over all images.
      camera: for point clouds.

    Attribute `colour_range` is what was used; before `finish` it may be None.
    """

    def __init__(
        self,
        out: pathlib.Path,
        formats: tuple[str, ...],
        scale: float,
        colour_range: tuple[float, float] | None,
        camera: point_cloud.Camera,
    ):
        self.out, self.formats, self.scale = out, formats, scale
        self.colour_range, self.camera = colour_range, camera
        self._ranges, self._waiting = [], {}
        out.mkdir(parents=True, exist_ok=True)

    def add(
        self, name: str, source: pathlib.Path, image: np.ndarray, prediction: Prediction
    ) -> None:
        """Writes the files NAME* of one image; colors wait for `finish` while there is no range.

        Args:
          name: start of the file names.
          source: the image's file, whose EXIF may know the camera.
          image: uint8 [H, W, 3] RGB.
          prediction: of `image`, in relative units.

        Raises ValueError when a point cloud is wanted and the camera is not known.
        """
        inverse_depth = prediction.inverse_depth
        if "ply" in self.formats:
            camera = self.camera.of(source, *image.shape[:2])
            path = self.out / f"{name}.ply"
            point_cloud.write_ply(path, 1 / inverse_depth, image, camera, prediction.unit)
        if "png16" in self.formats:
            depth_png.write(self.out / f"{name}_16bit.png", inverse_depth, self.scale)
        if "npy" in self.formats:
            np.save(self.out / f"{name}.npy", inverse_depth.astype(np.float32))
        if "moving" in self.formats:
            mask = np.where(prediction.moving, 255, 0).astype(np.uint8)
            Image.fromarray(mask).save(self.out / f"{name}_moving.png")
        if "color" in self.formats:
            self._color_or_keep(name, inverse_depth)

    def finish(self) -> None:
        """Colors the images that waited for the common range."""
        if self._ranges:
            lows, highs = zip(*self._ranges)
            self.colour_range = min(lows), max(highs)
        for name, path in self._waiting.items():
            self._color(name, np.load(path))
            if "npy" not in self.formats:
                path.unlink()

    def _color_or_keep(self, name, inverse_depth):
        if self.colour_range:
            self._color(name, inverse_depth)
            return
        # Kept on disk, not in memory: there may be many images.
        self._ranges.append(color.robust_range([inverse_depth]))
        kept = name if "npy" in self.formats else f".{name}"
        self._waiting[name] = self.out / f"{kept}.npy"
        if "npy" not in self.formats:
            np.save(self._waiting[name], inverse_depth.astype(np.float32))

    def _color(self, name, inverse_depth):
        text = PngImagePlugin.PngInfo()
        text.add_text("colour_range", "{!r},{!r}".format(*self.colour_range))
        text.add_text("colour_map", color.INVERSE_DEPTH_MAP)
        picture = color.color_inverse_depth(inverse_depth, *self.colour_range)
        Image.fromarray(picture).save(self.out / f"{name}_color.png", pnginfo=text)
