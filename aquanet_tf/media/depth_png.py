"""Inverse depth as a 16-bit gray PNG file whose text chunks hold the scale."""

from __future__ import annotations

import numpy as np
from PIL import Image, PngImagePlugin

LEVELS = 65535


def write(path, inverse_depth: np.ndarray, scale: float) -> None:
    """Writes inverse depth [H, W] as uint16 values: inverse depth = value * scale.

    Args:
      path: a file name, or an open binary file.
      inverse_depth: non-negative; values above 65535 * scale are clipped.
      scale: inverse depth of one step.
    """
    values = np.clip(np.round(inverse_depth / scale), 0, LEVELS).astype(np.uint16)
    text = PngImagePlugin.PngInfo()
    text.add_text("scale", repr(scale))
    text.add_text("meaning", "inverse depth = value * scale, in units of the network")
    Image.fromarray(values).save(path, "PNG", pnginfo=text)


def write_meters(path, depth: np.ndarray) -> None:
    """Writes depth [H, W] in meters as KITTI does: uint16, meters * 256; 0 is beyond 255.99 m.

    path: a file name, or an open binary file.
    """
    values = np.round(np.asarray(depth, np.float64) * 256)
    values[~(values <= LEVELS)] = 0
    Image.fromarray(np.maximum(values, 0).astype(np.uint16)).save(path, "PNG")


def read(path) -> np.ndarray:
    """Reads a file of `write`: inverse depth, float32 [H, W]. ValueError for any other PNG."""
    with Image.open(path) as image:
        if "scale" not in image.info:
            raise ValueError(f"{path}: no scale in its PNG text; not a NAME_16bit.png of predict")
        return np.asarray(image).astype(np.float32) * np.float32(image.info["scale"])
