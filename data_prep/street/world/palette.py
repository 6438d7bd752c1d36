"""Ground colors, road layout and light of one drive, drawn at random."""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.street.world import solids


@dataclasses.dataclass(frozen=True)
class Palette:
    """Ground colors, road layout and light of one drive. Lengths in meters, colors [3] RGB.

    lane: width of one lane. curb_left, curb_right: distance of the curbs from the center line.
    slab: size of a paving slab. dash: period, duty and phase of the center marks. side_street: the
    s at which a side street crosses. patches [n, 4]: repaired asphalt, (l, s) of two corners.
    sun: unit vector toward the sun. ambient, tint: factors of the light on every surface.
    """

    lane: float
    curb_left: float
    curb_right: float
    sidewalk: float
    slab: float
    asphalt: np.ndarray
    parking: np.ndarray
    paving: np.ndarray
    yard: np.ndarray
    marks: np.ndarray
    dash: tuple
    edge_line: bool
    side_street: float
    patches: np.ndarray
    patch_colors: np.ndarray
    sky: np.ndarray
    horizon: np.ndarray
    cloud: float
    sun: np.ndarray
    ambient: float
    tint: np.ndarray
    noise_offset: np.ndarray


def random_palette(rng, side_street, end):
    """A Palette drawn from `rng`.

    side_street, end: meters along the road, where a side street crosses and where the road ends.
    """
    lane = rng.uniform(2.9, 3.7)
    curbs = lane + np.where(rng.random(2) < (0.8, 0.9), 2.25, 0.25)
    gray = rng.uniform(0.3, 0.5)
    count = int(end * 0.35)
    corner = np.stack([rng.uniform(-lane, lane, count), rng.uniform(-10, end - 60, count)], -1)
    size = np.exp(rng.uniform(np.log(0.4), np.log([2.0, 8.0]), (count, 2)))
    shade = rng.choice([0.55, 0.7, 1.3], count)[:, None] * rng.uniform(0.85, 1.15, (count, 3))
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.1)
    overcast = rng.random() < 0.35
    warm = rng.uniform(-0.06, 0.08)
    asphalt = gray * (1 + rng.uniform(-0.12, 0.12, 3))
    yard_hue = (0.2, 0.36) if rng.random() < 0.6 else (0.05, 0.13)
    return Palette(
        lane=lane,
        curb_left=curbs[0],
        curb_right=curbs[1],
        sidewalk=rng.uniform(1.6, 3.6),
        slab=rng.uniform(0.6, 1.4),
        asphalt=asphalt,
        parking=asphalt * rng.uniform(0.75, 1.25) * (1 + rng.uniform(-0.15, 0.15, 3)),
        paving=solids.color(rng, (0.05, 0.35), (0.45, 0.75), (0.0, 0.15)),
        yard=solids.color(rng, (0.3, 0.6), (0.35, 0.55), yard_hue),
        marks=np.array([0.92, 0.92, 0.88]) if rng.random() < 0.8 else np.array([0.9, 0.78, 0.3]),
        dash=(rng.uniform(5, 12), rng.uniform(0.35, 0.6), rng.uniform(0, 10)),
        edge_line=bool(rng.random() < 0.5),
        side_street=side_street,
        patches=np.concatenate([corner, corner + size], axis=-1),
        patch_colors=asphalt * shade,
        sky=solids.color(rng, (0.05, 0.2) if overcast else (0.35, 0.6), (0.6, 0.85), (0.56, 0.62)),
        horizon=rng.uniform(0.75, 0.92) * np.array([1.0 + warm, 1.0, 1.0 - warm]),
        cloud=rng.uniform(0.3, 1.0),
        sun=np.array(
            [np.sin(azimuth) * np.cos(height), -np.sin(height), np.cos(azimuth) * np.cos(height)]
        ),
        ambient=0.85 if overcast else rng.uniform(0.52, 0.68),
        tint=rng.uniform(0.85, 1.08) * np.array([1 + warm, 1.0, 1 - warm]),
        noise_offset=rng.uniform(0, 300, 4),
    )
