"""Images, depth maps and motion masks of the street."""

from __future__ import annotations

import numpy as np

from data_prep.street.render import raycast, shading
from data_prep.street.render.ground import ground_color
from data_prep.street.world import rotation as world_rotation

SUPERSAMPLING = 2
CHUNK = 32768
MAX_DEPTH = 255.0
FOCAL = 0.58  # widths of the image; KITTI's


def camera(height, width, rotation, position, focal=FOCAL):
    """The street's camera, a raycast.View at a pose; its principal point is off the center.

    rotation [3, 3] and position [3] are camera-to-world; focal is in widths of the image. The
    intrinsics are rounded as they are written to the calibration file, so that the file describes
    the images exactly.
    """
    focal, cx, cy = (round(v, 3) for v in (focal * width, 0.49 * width, 0.46 * height))
    return raycast.View(focal, cx, cy, height, width, rotation, position)


def ground_truth(view, moment):
    """Z-depth [h, w] float64 meters (0: sky or beyond 255 m) and moving pixels [h, w] bool.

    Both belong to the ray through the pixel's center, not to an average over the pixel.
    """
    depth, index, _ = raycast.cast(view, moment)
    moving = moment.moving[np.maximum(index, 0)] & (index > 0)
    return np.where(depth < MAX_DEPTH, depth, 0.0), moving


def picture(view, moment, scene, ripmap):
    """RGB uint8 [h, w, 3]: `moment` of `scene` seen from `view`, box filtered over the pixels."""
    fine = view.supersampled(SUPERSAMPLING)
    depth, index, face = raycast.cast(fine, moment)
    rays = _rays(fine)
    image = np.empty((3, fine.height * fine.width), np.float32)
    flat = index.ravel()
    shade = _shadows(fine, moment, depth, index).ravel()
    depth, face = depth.ravel(), face.ravel()
    for sky in _chunks(flat < 0):
        image[:, sky] = _sky(rays.take(sky, axis=1), scene.palette, ripmap, 1.0 / fine.focal)
    for ground in _chunks(flat == 0):
        color = ground_color(fine, rays.take(ground, axis=1), depth[ground], scene, ripmap)
        image[:, ground] = shade[ground] * color
    for solid in _chunks(flat > 0):
        hits = shading.Hits(
            rays.take(solid, axis=1), depth[solid], flat[solid].astype(np.intp), face[solid]
        )
        image[:, solid] = shading.solid_colors(fine, hits, moment, scene.palette, ripmap)
    n = SUPERSAMPLING
    parts = np.clip(image, 0.0, 1.0).reshape(3, view.height, n, view.width, n)
    mean = sum(parts[:, :, i, :, j] for i in range(n) for j in range(n)) / n**2
    return np.stack(np.round(255.0 * mean).astype(np.uint8), axis=-1)


def _chunks(mask):
    """Indices where mask [n] holds, in pieces whose temporary arrays fit the processor's cache."""
    where = np.flatnonzero(mask)
    return [where[i : i + CHUNK] for i in range(0, len(where), CHUNK)]


def _rays(view):
    """World directions [3, h*w] float32 with camera z = 1."""
    xs, ys = view.axes()
    r = view.rotation
    planes = [(r[i, 0] * xs)[None, :] + (r[i, 1] * ys + r[i, 2])[:, None] for i in range(3)]
    return np.stack(planes).reshape(3, -1).astype(np.float32)


def _sky(rays, palette, ripmap, pixel):
    """Colors [3, n] of the sky where rays [3, n] meet nothing; pixel: its size in radians."""
    azimuth = np.arctan2(rays[0], rays[2])
    rise = -rays[1] / np.hypot(rays[0], rays[2])
    width = np.full(azimuth.shape, 30 * pixel, np.float32)
    u = azimuth * 30 + palette.noise_offset[0]
    noise = ripmap.sample(u, rise * 70 + palette.noise_offset[1], width, 2 * width, 0.25, 1)
    up = np.clip(rise * 2.2, 0, 1)
    horizon, zenith = palette.horizon[:, None], palette.sky[:, None]
    clear = horizon * (1 - up) + zenith * up
    cloud = palette.cloud * np.clip(0.35 * noise + 0.3, 0, 1)
    return clear * (1 - cloud) + cloud * np.minimum(horizon * 1.08, 1.0)


def _shadows(view, moment, depth, index):
    """Factor [h, w] that darkens the ground under and around the cars."""
    factor = np.ones(depth.shape, np.float32)
    near = np.hypot(*(moment.shadows[:, [0, 1]] - view.position[[0, 2]]).T) < 70
    cars = moment.shadows[near]
    if not len(cars):
        return factor
    soft = 0.35
    center = np.stack([cars[:, 0], np.zeros(len(cars)), cars[:, 1]], axis=-1)
    half = np.stack([cars[:, 3] + soft, np.zeros(len(cars)), cars[:, 4] + soft], axis=-1)
    rectangles = raycast.pixel_rectangles(view, center, half, cars[:, 2])
    xs, ys = view.axes()
    turn = np.swapaxes(world_rotation.from_yaw(cars[:, 2]), -1, -2)
    for (x0, x1, y0, y1), middle, size, matrix in zip(rectangles, center, half, turn):
        if x0 >= x1 or y0 >= y1:
            continue
        window = np.s_[y0:y1, x0:x1]
        m, o = matrix @ view.rotation, matrix @ (view.position - middle)
        t = np.where(index[window] == 0, depth[window], 0.0)
        cover = 1.0
        for axis in (0, 2):
            ray = (m[axis, 0] * xs[x0:x1])[None, :] + (m[axis, 1] * ys[y0:y1] + m[axis, 2])[:, None]
            cover = cover * np.clip((size[axis] - np.abs(o[axis] + t * ray)) / (2 * soft), 0, 1)
        factor[window] *= 1.0 - 0.68 * cover
    return factor
