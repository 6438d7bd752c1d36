"""What stands and drives on the street: cars, buildings, trees, poles, made of solids.

A solid is a box, or the ellipsoid that fills it, with a yaw, colors and a pattern for each face.
"""

from __future__ import annotations

import colorsys
import dataclasses

import numpy as np

PLAIN, FACADE, CAR_SIDE, CAR_END, GLASS, SIGN, LEAVES = range(7)


@dataclasses.dataclass
class Solid:
    """One solid in the frame of its owner: y down, the owner's origin on the ground.

    `kinds` are the patterns of the six faces (-x, +x, top, bottom, rear, front) and of an
    ellipsoid's surface. `pitch` is the size (meters) of a window cell, `offset` shifts the noise.
    """

    center: tuple
    half: tuple
    base: np.ndarray
    accent: np.ndarray
    kinds: tuple = (PLAIN,) * 7
    round: bool = False
    contrast: float = 0.25
    pitch: tuple = (3.0, 3.0)
    offset: tuple = (0.0, 0.0)


def color(rng, saturation=(0.2, 0.7), value=(0.3, 0.9), hue=(0.0, 1.0)):
    """A random RGB color [3] in [0, 1] within ranges of saturation, value and hue."""
    parts = rng.uniform(*hue) % 1.0, rng.uniform(*saturation), rng.uniform(*value)
    return np.array(colorsys.hsv_to_rgb(*parts))


def _offset(rng):
    return tuple(rng.uniform(0, 300, 2))


def car(rng):
    """A car facing z: parts of a hatchback, sedan, van or truck, and its half size (x, z)."""
    paint = color(rng, (0.1, 0.95), (0.25, 0.95))
    dark = np.array([0.08, 0.08, 0.1]) + 0.06 * rng.random(3)
    style = rng.choice(["hatchback", "sedan", "van", "truck"], p=[0.42, 0.36, 0.15, 0.07])
    width, length = rng.uniform(1.65, 1.9), rng.uniform(3.7, 4.8)
    belt, roof = rng.uniform(0.85, 1.0), rng.uniform(1.4, 1.6)
    if style == "van":
        length, roof = rng.uniform(4.6, 5.6), rng.uniform(1.9, 2.4)
    if style == "truck":
        width, length, belt = rng.uniform(1.95, 2.15), rng.uniform(5.5, 6.5), 1.1
        roof = rng.uniform(2.7, 3.3)
    body = (CAR_SIDE, CAR_SIDE, PLAIN, PLAIN, CAR_END, CAR_END, PLAIN)
    offset, contrast = _offset(rng), rng.uniform(0.2, 0.42)
    clearance = 0.12
    parts = [
        Solid(
            (0, -(clearance + belt) / 2, 0),
            (width / 2, (belt - clearance) / 2, length / 2),
            paint, dark, body, contrast=contrast, offset=offset, pitch=(length, belt),
        )
    ]  # fmt: skip
    cabin_length = {"hatchback": 0.66, "sedan": 0.48, "van": 0.8, "truck": 0.72}[style] * length
    back = {"hatchback": -0.14, "sedan": -0.03, "van": -0.08, "truck": -0.13}[style] * length
    box = style == "truck"
    cabin_paint = color(rng, (0.0, 0.8), (0.5, 0.95)) if box else paint
    inset = 0.0 if box else rng.uniform(0.06, 0.14)
    glass = (PLAIN,) * 7 if box else (GLASS, GLASS, PLAIN, PLAIN, GLASS, GLASS, PLAIN)
    parts.append(
        Solid(
            (0, -(belt + roof) / 2, back),
            (width / 2 - inset, (roof - belt) / 2, cabin_length / 2),
            cabin_paint, np.array([0.16, 0.2, 0.25]) + 0.1 * rng.random(3), glass,
            contrast=contrast, offset=_offset(rng), pitch=(cabin_length, roof - belt),
        )
    )  # fmt: skip
    return parts, (width / 2, length / 2)


def building(rng, width, depth, height):
    """A house `width` meters along z and `depth` along x, with a window grid; maybe a roof box."""
    wall = color(rng, (0.12, 0.75), (0.4, 0.92))
    glass = color(rng, (0.1, 0.4), (0.12, 0.38), (0.5, 0.7))
    pitch = (rng.uniform(2.0, 3.8), rng.uniform(2.7, 3.5))
    kinds = (FACADE, FACADE, PLAIN, PLAIN, FACADE, FACADE, PLAIN)
    if rng.random() < 0.12:
        kinds = (PLAIN,) * 7
    contrast = rng.uniform(0.2, 0.36)
    parts = [
        Solid(
            (0, -height / 2, 0), (depth / 2, height / 2, width / 2), wall, glass, kinds,
            contrast=contrast, pitch=pitch, offset=_offset(rng),
        )
    ]  # fmt: skip
    if rng.random() < 0.4:
        extra = rng.uniform(1.0, 2.5)
        roof = color(rng, (0.3, 0.7), (0.3, 0.6), (0.0, 0.1))
        parts.append(
            Solid(
                (0, -height - extra / 2, 0), (depth / 2 - 0.8, extra / 2, width / 2 - 0.8),
                roof, roof, contrast=0.3, offset=_offset(rng),
            )
        )  # fmt: skip
    return parts


def tree(rng):
    """A trunk with one to three overlapping ellipsoids for a crown, or a bush."""
    leaf = color(rng, (0.35, 0.75), (0.28, 0.6), (0.17, 0.38))
    if rng.random() < 0.15:
        leaf = color(rng, (0.5, 0.85), (0.5, 0.75), (0.03, 0.14))
    bark = color(rng, (0.25, 0.5), (0.22, 0.4), (0.05, 0.1))
    parts, bottom = [], 0.0
    if rng.random() < 0.8:
        bottom = rng.uniform(1.6, 2.8)
        thick = rng.uniform(0.1, 0.24)
        parts.append(Solid((0, -bottom / 2 - 0.3, 0), (thick, bottom / 2 + 0.3, thick), bark, bark))
    radius = rng.uniform(0.7, 1.1) if not parts else rng.uniform(1.2, 2.3)
    for _ in range(rng.integers(1, 4)):
        half = radius * rng.uniform(0.65, 1.0, 3)
        center = (rng.normal(0, 0.3 * radius), -bottom - half[1] * rng.uniform(0.7, 1.2),
                  rng.normal(0, 0.3 * radius))  # fmt: skip
        parts.append(
            Solid(center, tuple(half), leaf * rng.uniform(0.8, 1.2), leaf * 0.4, (LEAVES,) * 7,
                  round=True, contrast=0.5, offset=_offset(rng))
        )  # fmt: skip
    return parts


def pole(rng, toward_road):
    """A lamp post reaching over the road, a traffic sign or a bollard; toward_road is -1 or +1."""
    gray = np.full(3, rng.uniform(0.25, 0.65)) * rng.uniform(0.9, 1.1, 3)
    style = rng.choice(["lamp", "sign", "bollard"], p=[0.45, 0.35, 0.2])
    height = {"lamp": rng.uniform(5, 8), "sign": rng.uniform(2.2, 3.0), "bollard": 0.9}[style]
    thick = {"lamp": 0.09, "sign": 0.045, "bollard": 0.1}[style]
    parts = [Solid((0, -height / 2, 0), (thick, height / 2, thick), gray, gray)]
    if style == "lamp":
        arm = rng.uniform(0.5, 1.1)
        parts.append(Solid((toward_road * arm, -height, 0), (arm, 0.08, 0.14), gray * 0.8, gray))
    if style == "sign":
        half = rng.uniform(0.28, 0.45)
        face = color(rng, (0.7, 1.0), (0.6, 0.95))
        parts.append(
            Solid(
                (0, -height, 0), (half, half, 0.03), face, np.array([0.95, 0.95, 0.92]),
                (PLAIN,) * 4 + (SIGN, SIGN, PLAIN), pitch=(half, half), offset=_offset(rng),
            )
        )  # fmt: skip
    return parts
