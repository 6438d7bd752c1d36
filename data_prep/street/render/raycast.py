"""Ray casting of boxes, ellipsoids and the ground plane: what each pixel-center ray meets.

World axes are those of a level camera (x right, y down, z forward) with the ground at y = 0.
Pixel centers are integers; depth is the camera's z, in meters.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.street.world import rotation

NEAR = 0.1
FAR = 2000.0
SKY, GROUND = -1, 0
ROUND_FACE = 6

_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
_EDGES = np.array([(a, b) for a in range(8) for b in range(a) if bin(a ^ b).count("1") == 1])


@dataclasses.dataclass(frozen=True)
class View:
    """A pinhole camera at a place: intrinsics in pixels, rotation and position camera-to-world."""

    focal: float
    cx: float
    cy: float
    height: int
    width: int
    rotation: np.ndarray
    position: np.ndarray

    def supersampled(self, factor):
        """The same view with `factor` times as many pixels along each axis."""
        return dataclasses.replace(
            self,
            focal=self.focal * factor,
            cx=(self.cx + 0.5) * factor - 0.5,
            cy=(self.cy + 0.5) * factor - 0.5,
            height=self.height * factor,
            width=self.width * factor,
        )

    def axes(self):
        """Camera-frame x/z of every column [width] and y/z of every row [height]."""
        xs = (np.arange(self.width) - self.cx) / self.focal
        ys = (np.arange(self.height) - self.cy) / self.focal
        return xs, ys


def pixel_rectangles(view, center, half, yaw):
    """Half-open pixel rectangles [n, 4] (x0, x1, y0, y1) holding each box; empty if out of view."""
    corners = (_CORNERS * half[:, None, :]) @ np.swapaxes(rotation.from_yaw(yaw), -1, -2)
    corners = (corners + center[:, None, :] - view.position) @ view.rotation
    a, b = corners[:, _EDGES[:, 0]], corners[:, _EDGES[:, 1]]
    za, zb = a[..., 2], b[..., 2]
    crossing = (za - NEAR) * (zb - NEAR) < 0
    share = np.where(crossing, (NEAR - za) / np.where(crossing, zb - za, 1.0), 0.0)
    clipped = a + share[..., None] * (b - a)
    points = np.concatenate([corners, clipped], axis=1)
    valid = np.concatenate([corners[..., 2] > NEAR, crossing], axis=1)
    z = np.where(valid, points[..., 2], 1.0)
    bounds = []
    for axis, center_pixel, size in ((0, view.cx, view.width), (1, view.cy, view.height)):
        pixel = view.focal * points[..., axis] / z + center_pixel
        low = np.where(valid, pixel, np.inf).min(axis=1)
        high = np.where(valid, pixel, -np.inf).max(axis=1)
        bounds += [np.clip(np.ceil(low), 0, size), np.clip(np.floor(high) + 1, 0, size)]
    return np.stack(bounds, axis=-1).astype(int)


def cast(view, solids):
    """First surface along every pixel-center ray.

    Args:
      view: a View with height h and width w.
      solids: object with `center` [n, 3], `half` [n, 3], `yaw` [n] and `round` [n] (True for an
        ellipsoid that fills the box), as a scene.Moment. Index 0 is the ground, not a box.

    Returns:
      depth [h, w] float64 z-depth in meters (inf: sky), index [h, w] int16 of the solid (0 ground,
      -1 sky), face [h, w] uint8: 2 * axis + (1 on the positive side), 6 for ellipsoids.
    """
    depth, index, face = _cast_ground(view)
    xs, ys = view.axes()
    rectangles = pixel_rectangles(view, solids.center, solids.half, solids.yaw)
    to_local = np.swapaxes(rotation.from_yaw(solids.yaw), -1, -2)
    origins = np.einsum("nij,nj->ni", to_local, view.position - solids.center)
    directions = to_local @ view.rotation
    for k in range(1, len(solids.yaw)):
        x0, x1, y0, y1 = rectangles[k]
        if x0 >= x1 or y0 >= y1:
            continue
        rays = [
            (m[0] * xs[x0:x1])[None, :] + (m[1] * ys[y0:y1] + m[2])[:, None] for m in directions[k]
        ]
        window = np.s_[y0:y1, x0:x1]
        meet = _meet_ellipsoid if solids.round[k] else _meet_box
        near, hit, side = meet(rays, origins[k], solids.half[k], depth[window])
        depth[window][hit] = near[hit]
        index[window][hit] = k
        face[window][hit] = side
    return depth, index, face


def _cast_ground(view):
    xs, ys = view.axes()
    row = view.rotation[1]
    down = (row[0] * xs)[None, :] + (row[1] * ys + row[2])[:, None]
    with np.errstate(divide="ignore"):
        depth = -view.position[1] / down
    seen = (depth > NEAR) & (depth < FAR)
    depth = np.where(seen, depth, np.inf)
    index = np.where(seen, GROUND, SKY).astype(np.int16)
    return depth, index, np.full(depth.shape, 2, np.uint8)


def _meet_box(rays, origin, half, depth):
    """Slab test; returns the entry depth, where it wins, and the face of the winners [hits]."""
    near_axis, near, far = [], None, None
    with np.errstate(divide="ignore", invalid="ignore"):
        for ray, o, h in zip(rays, origin, half):
            inverse = 1.0 / ray
            middle, reach = -o * inverse, h * np.abs(inverse)
            near_axis.append(middle - reach)
            near = near_axis[0] if near is None else np.maximum(near, near_axis[-1])
            far = middle + reach if far is None else np.minimum(far, middle + reach)
        hit = (near < far) & (near > NEAR) & (near < depth)
    entry = near[hit]
    axis = np.where(entry == near_axis[0][hit], 0, np.where(entry == near_axis[1][hit], 1, 2))
    positive = np.choose(axis, [ray[hit] for ray in rays]) < 0
    return near, hit, (2 * axis + positive).astype(np.uint8)


def _meet_ellipsoid(rays, origin, half, depth):
    o = origin / half
    x, y, z = (ray / h for ray, h in zip(rays, half))
    a = x * x + y * y + z * z
    b = x * o[0] + y * o[1] + z * o[2]
    root = b * b - a * (o @ o - 1.0)
    near = (-b - np.sqrt(np.maximum(root, 0.0))) / a
    hit = (root > 0) & (near > NEAR) & (near < depth)
    return near, hit, ROUND_FACE
