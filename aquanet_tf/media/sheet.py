"""Contact sheets: images in a grid, masks drawn on images, sparse points made visible."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def outline(image: np.ndarray, mask, color=(0, 229, 255), thickness: int = 1) -> np.ndarray:
    """A copy of `image` [H, W, 3] with the inner border of the True regions of `mask` [H, W]."""
    inside = np.asarray(mask, bool)
    core = inside
    for _ in range(thickness):
        padded = np.pad(core, 1)
        core = core & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    out = np.array(image)
    out[inside & ~core] = color
    return out


def masked(image: np.ndarray, keep, color=(214, 39, 40)) -> np.ndarray:
    """`image` (uint8 [H, W, 3]) in gray, tinted with `color` where `keep` [H, W] is False."""
    gray = np.asarray(image, np.float64).mean(axis=-1, keepdims=True)
    covered = 0.35 * gray + 0.65 * np.array(color)
    return np.where(np.asarray(keep, bool)[..., None], gray, covered).round().astype(np.uint8)


def grow(values, valid, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Sparse values [H, W], such as lidar points, drawn as squares of 2 radius + 1 pixels.

    Where squares overlap, the smallest value wins. Returns (values [H, W], valid bool [H, W]).
    """
    height, width = np.shape(values)
    padded = np.pad(np.where(valid, values, np.inf), radius, constant_values=np.inf)
    shifts = range(2 * radius + 1)
    stack = [padded[y : y + height, x : x + width] for y in shifts for x in shifts]
    grown = np.min(stack, axis=0)
    return np.where(np.isfinite(grown), grown, 0.0), np.isfinite(grown)


def grid(rows, labels=None, gap: int = 6, min_width: int = 0, names=None) -> np.ndarray:
    """One uint8 [height, width, 3] image with `rows` of images on a dark background.

    Args:
      rows: lists of uint8 [H, W, 3] images, all of one size.
      labels: texts above the columns.
      gap: pixels between images.
      min_width: narrower images are enlarged by a whole factor (nearest neighbor).
      names: texts left of the rows.
    """
    height, width = rows[0][0].shape[:2]
    zoom = max(1, -(-min_width // width))
    height, width = height * zoom, width * zoom
    font = ImageFont.load_default(size=max(11, min(22, width // 22)))
    head = int(font.size * 1.9) if labels else gap
    side = 2 * gap + int(max(map(font.getlength, names))) if names else gap
    columns = max(len(row) for row in rows)
    size = (side + columns * (width + gap), head + len(rows) * (height + gap))
    canvas = Image.new("RGB", size, (24, 25, 29))
    draw = ImageDraw.Draw(canvas)
    spots = [(side + index * (width + gap) + 2, head / 2) for index in range(len(labels or ()))]
    spots += [(gap, head + (y + 0.5) * (height + gap)) for y in range(len(names or ()))]
    for spot, text in zip(spots, [*(labels or ()), *(names or ())]):
        draw.text(spot, text, fill=(232, 234, 238), font=font, anchor="lm")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            image = Image.fromarray(picture).resize((width, height), Image.NEAREST)
            canvas.paste(image, (side + x * (width + gap), head + y * (height + gap)))
    return np.array(canvas)
