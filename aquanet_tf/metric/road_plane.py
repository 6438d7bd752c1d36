"""The road in a depth map: a plane fitted robustly, and reasons why there is none.

A plane n . P = h below the camera (n a unit normal that points down, h the camera's height above
it) is linear in inverse depth (the paper's disparity) d: with the ray r = (x, y, 1) of a pixel and
P = r / d, d = (n . r) / h = a x + b y + c, and h = 1 / |(a, b, c)|.

Camera frame: x right, y down, z forward. Heights have the unit of depth.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

# The part of the image that is looked at: pixels whose rays meet a level road between these
# distances ahead and this far to the side, in camera heights.
NEAREST, FARTHEST, SIDE = 1.5, 14.0, 1.5
# A pixel is on the plane when its depth differs by less than this share.
TOLERANCE = 0.1
# Share of the pixels that must be on the plane, and fewest pixels that are looked at.
SMALLEST_SHARE, FEWEST_PIXELS = 0.5, 200
# Largest pitch and roll of the camera against the road, degrees.
LARGEST_PITCH, LARGEST_ROLL = 15.0, 10.0
# A second plane of this share of the first one's pixels, whose height differs by this share.
RIVAL_SHARE, RIVAL_DISTANCE = 0.5, 0.15
# Largest bend: relative depth error in the middle distance against near and far.
LARGEST_BEND = 0.07
# Sine of the angle at which a plane, seen from below, is no wall any more.
_UPWARD = 0.2
_PIXELS, _DRAWS, _ROUNDS = 2000, 200, 10

STEEP, CEILING = "the plane is no road: too steep or too slanted", "the plane is above the camera"
FEW, RIVALS = "too few pixels on one plane", "two planes at different heights"
CURVED, UNSEEN = "the ground is curved", "the image shows too little of the ground ahead"


class Plane(NamedTuple):
    """A road: height of the camera above it in units of depth, pitch and roll of the camera in
    degrees (positive pitch: the camera looks down), share of the pixels that lie on it."""

    height: float
    pitch: float
    roll: float
    share: float


class NoPlane(ValueError):
    """A depth map without a road; the message is one of the reasons above."""


def region(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bool, the shape of x and y: the rays (x, y, 1) that are looked at, the lower middle of the
    image."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = np.where(y > 0, 1.0 / y, np.inf)
        return (ahead > NEAREST) & (ahead < FARTHEST) & (np.abs(x) * ahead < SIDE)


def fit(inverse_depth: np.ndarray, x: np.ndarray, y: np.ndarray) -> Plane:
    """The road in a map of inverse depth: RANSAC, then reweighted least squares.

    Args:
      inverse_depth: [H, W], positive, any units.
      x, y: [H, W], rays (x, y, 1) of the pixels; NaN where the lens shows none.

    Raises NoPlane: too few pixels on any plane, another plane than a road (a wall, a ceiling), two
    planes at different heights, or a curved surface.
    """
    rng = np.random.default_rng(0)
    rays, values = _seen(inverse_depth, x, y, rng)
    plane = _largest(rays, values, rng)
    on = _on(plane, rays, values)
    if on.mean() < SMALLEST_SHARE:
        raise NoPlane(FEW)
    found = _described(plane, float(on.mean()))
    if plane[1] < -_UPWARD * np.linalg.norm(plane):
        raise NoPlane(CEILING)
    if not _is_road(found):
        raise NoPlane(STEEP)
    _require_single(found, rays[~on], values[~on], len(rays), rng)
    _require_flat(plane, rays, values)
    return found


def fit_height(
    inverse_depth: np.ndarray, x: np.ndarray, y: np.ndarray, pitch: float, roll: float
) -> Plane:
    """As `fit`, for a camera whose pitch and roll (degrees) are known: only the height is free.

    Raises NoPlane when too few pixels are on such a plane, or many on another one.
    """
    rays, values = _seen(inverse_depth, x, y, np.random.default_rng(0))
    normal = np.array([math.tan(math.radians(roll)), 1.0, math.tan(math.radians(pitch))])
    heights = rays @ normal / np.linalg.norm(normal) / values
    heights = heights[heights > 0]
    if not heights.size:
        raise NoPlane(FEW)
    height, on = _usual(heights)
    share = float(on.sum() / len(rays))
    if share < SMALLEST_SHARE:
        raise NoPlane(FEW)
    if len(others := heights[~on]):
        second, on = _usual(others)
        apart = abs(second / height - 1) > RIVAL_DISTANCE
        if apart and on.sum() > RIVAL_SHARE * share * len(rays):
            raise NoPlane(RIVALS)
    return Plane(float(height), pitch, roll, share)


def _usual(heights) -> tuple[float, np.ndarray]:
    """The height that most of `heights` have, and bool [n]: which are near it."""
    height = np.median(heights)
    for _ in range(_ROUNDS):
        near = heights[np.abs(heights / height - 1) < 2 * TOLERANCE]
        height = np.median(near) if near.size else height
    return float(height), np.abs(heights / height - 1) < TOLERANCE


def _seen(inverse_depth, x, y, rng):
    """Rays [n, 3] and inverse depths [n] of a random sample of the pixels that are looked at."""
    chosen = region(x, y) & np.isfinite(inverse_depth) & (inverse_depth > 0)
    rays = np.stack([x[chosen], y[chosen], np.ones(int(chosen.sum()))], -1).astype(np.float64)
    if len(rays) < FEWEST_PIXELS:
        raise NoPlane(UNSEEN)
    picked = rng.permutation(len(rays))[:_PIXELS]
    return rays[picked], inverse_depth[chosen][picked].astype(np.float64)


def _largest(rays, values, rng) -> np.ndarray:
    """(a, b, c) of the plane with the most pixels: the best of random triplets, refined."""
    draws = rng.integers(0, len(rays), (_DRAWS, 3))
    corners = rays[draws]
    usable = np.abs(np.linalg.det(corners)) > 1e-9
    if not usable.any():
        raise NoPlane(FEW)
    planes = np.linalg.solve(corners[usable], values[draws[usable]][..., None])[..., 0]
    counts = [int(_on(plane, rays, values).sum()) for plane in planes]
    plane = planes[np.argmax(counts)]
    for _ in range(_ROUNDS):
        plane = _refined(plane, rays, values)
    return plane


def _refined(plane, rays, values) -> np.ndarray:
    """One step of least squares on relative errors, with Tukey's weights."""
    expected = rays @ plane
    near = _on(plane, rays, values)
    if near.sum() < 3:
        return plane
    error = values[near] / expected[near] - 1
    weight = (1 - (error / TOLERANCE) ** 2) / expected[near]
    solved, *_ = np.linalg.lstsq(rays[near] * weight[:, None], values[near] * weight, rcond=None)
    return solved


def _on(plane, rays, values) -> np.ndarray:
    expected = rays @ plane
    return (expected > 0) & (np.abs(values - expected) < TOLERANCE * expected)


def _described(plane, share: float) -> Plane:
    a, b, c = plane
    pitch, roll = math.degrees(math.atan2(c, b)), math.degrees(math.atan2(a, b))
    return Plane(float(1 / np.linalg.norm(plane)), pitch, roll, share)


def _is_road(plane: Plane) -> bool:
    return abs(plane.pitch) <= LARGEST_PITCH and abs(plane.roll) <= LARGEST_ROLL


def _require_single(first: Plane, rays, values, pixels: int, rng) -> None:
    """NoPlane when the pixels off the first plane lie on a second road at another height."""
    if len(rays) < max(3, RIVAL_SHARE * first.share * pixels):
        return
    second = _largest(rays, values, rng)
    share = float(_on(second, rays, values).sum()) / pixels
    rival = _described(second, share)
    apart = abs(rival.height / first.height - 1) > RIVAL_DISTANCE
    if _is_road(rival) and apart and share > RIVAL_SHARE * first.share:
        raise NoPlane(RIVALS)


def _require_flat(plane, rays, values) -> None:
    """NoPlane when the plane is too near, or too far, in the middle distance alone."""
    expected = rays @ plane
    near = (expected > 0) & (np.abs(values - expected) < 3 * TOLERANCE * expected)
    rows, errors = rays[near, 1], values[near] / expected[near] - 1
    thirds = np.searchsorted(np.quantile(rows, [1 / 3, 2 / 3]), rows)
    far, middle, close = (np.median(errors[thirds == third]) for third in range(3))
    if abs(middle - (far + close) / 2) > LARGEST_BEND:
        raise NoPlane(CURVED)
