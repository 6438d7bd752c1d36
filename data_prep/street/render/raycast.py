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
BATCH = 65536

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
    rectangles = pixel_rectangles(view, solids.center, solids.half, solids.yaw)
    to_local = np.swapaxes(rotation.from_yaw(solids.yaw), -1, -2)
    origins = np.einsum("nij,nj->ni", to_local, view.position - solids.center)
    directions = to_local @ view.rotation
    for numbers in _batches(rectangles, solids.round):
        windows = rectangles[numbers]
        rays = _rays(view, windows, directions[numbers])
        sizes = _areas(windows)
        meet = _meet_ellipsoids if solids.round[numbers[0]] else _meet_boxes
        near, face_of = meet(rays, origins[numbers], solids.half[numbers], sizes)
        winner = np.full(depth.shape, -1, np.int32)
        order, end = np.arange(near.size, dtype=np.int32), 0
        for x0, x1, y0, y1 in windows.tolist():
            window, shape = np.s_[y0:y1, x0:x1], (y1 - y0, x1 - x0)
            start, end = end, end + shape[0] * shape[1]
            entry = near[start:end].reshape(shape)
            hit = entry < depth[window]
            if hit.any():
                np.copyto(depth[window], entry, where=hit)
                np.copyto(winner[window], order[start:end].reshape(shape), where=hit)
        hit = np.flatnonzero(winner >= 0)
        winner = winner.ravel()[hit].astype(np.intp)
        index.ravel()[hit] = np.repeat(numbers, sizes)[winner]
        face.ravel()[hit] = face_of(winner)
    return depth, index, face


def _areas(rectangles):
    x0, x1, y0, y1 = rectangles.T
    return np.maximum(x1 - x0, 0) * np.maximum(y1 - y0, 0)


def _batches(rectangles, is_round):
    """Numbers of the solids in view as arrays, boxes first, that together have few pixels each:
    NumPy takes as long to start as to work on the pixels of a small solid."""
    areas = _areas(rectangles)
    for kind in (False, True):
        numbers = np.flatnonzero((areas > 0) & (is_round == kind))
        numbers = numbers[numbers != GROUND]
        part = np.cumsum(areas[numbers]) // BATCH
        yield from np.split(numbers, np.flatnonzero(np.diff(part)) + 1) if numbers.size else ()


def _rays(view, windows, directions):
    """Directions [3, n] in the frames of m solids, row by row of the `windows` [m, 4] of pixels.

    directions [m, 3, 3]: camera to solid.
    """
    xs, ys = view.axes()
    rays, end = np.empty((3, _areas(windows).sum())), 0
    for (x0, x1, y0, y1), matrix in zip(windows.tolist(), directions):
        shape = (3, y1 - y0, x1 - x0)
        start, end = end, end + shape[1] * shape[2]
        along, down, ahead = matrix.T[:, :, None]
        columns, rows = along * xs[x0:x1], down * ys[y0:y1] + ahead
        np.add(columns[:, None], rows[:, :, None], out=rays[:, start:end].reshape(shape))
    return rays


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


def _meet_boxes(rays, origins, half, sizes):
    """Slab test of rays [3, n], of which `sizes` [m] belong to each of m boxes.

    Returns depth of entry [n], inf without one, and a function: numbers of rays to face of entry.
    """
    near_axis, near, far = [], None, None
    with np.errstate(divide="ignore", invalid="ignore"):
        inverses = 1.0 / rays
        for inverse, o, h in zip(inverses, -origins.T, half.T):
            middle, reach = np.repeat(o, sizes) * inverse, np.repeat(h, sizes) * np.abs(inverse)
            near_axis.append(middle - reach)
            near = near_axis[0] if near is None else np.maximum(near, near_axis[-1])
            far = middle + reach if far is None else np.minimum(far, middle + reach)
        hit = (near < far) & (near > NEAR)

    def face(hits):
        entry = near[hits]
        axis = np.where(entry == near_axis[0][hits], 0, np.where(entry == near_axis[1][hits], 1, 2))
        return 2 * axis + (inverses.ravel()[axis * near.size + hits] < 0)

    return np.where(hit, near, np.inf), face


def _meet_ellipsoids(rays, origins, half, sizes):
    """As _meet_boxes, for the ellipsoids that fill the boxes."""
    origins = origins / half
    inside = np.repeat([o @ o - 1.0 for o in origins], sizes)
    x, y, z = (ray / np.repeat(h, sizes) for ray, h in zip(rays, half.T))
    o = [np.repeat(part, sizes) for part in origins.T]
    a = x * x + y * y + z * z
    b = x * o[0] + y * o[1] + z * o[2]
    root = b * b - a * inside
    near = (-b - np.sqrt(np.maximum(root, 0.0))) / a
    hit = (root > 0) & (near > NEAR)
    return np.where(hit, near, np.inf), lambda hits: ROUND_FACE
