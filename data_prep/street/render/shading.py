"""Colors of what stands on the street: place of a ray on a face, pattern, noise and light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_prep.street.render import faces, raycast

SOLID_TEXEL = 0.035


class Hits(NamedTuple):
    """Where n rays meet solids: rays [3, n], world directions with camera z = 1; z-depth [n] in
    meters; solid and face [n] as raycast.cast numbers them."""

    rays: np.ndarray
    depth: np.ndarray
    solid: np.ndarray
    face: np.ndarray


class Local(NamedTuple):
    """Hits in the frames of their solids, float32: cosine and sine [n] of the solids' yaw, half
    size [3, n], point [3, n] and the size of a pixel there [3, n] in meters."""

    cos: np.ndarray
    sin: np.ndarray
    half: np.ndarray
    point: np.ndarray
    size: np.ndarray


def solid_colors(view, hits, moment, palette, ripmap):
    """Colors [3, n] of Hits of a raycast.View on the solids of a scene.Moment."""
    local = _local(view, hits, moment)
    ball = hits.face == raycast.ROUND_FACE
    points = _on_faces(hits, local, moment)
    lights = _box_light(moment, palette).reshape(-1, 3).T
    factor = lights.take(6 * hits.solid + np.minimum(hits.face, 5), axis=1)
    if ball.any():
        _wrap_around(points, local, ball, 1.5 * hits.depth.astype(np.float32)[ball] / view.focal)
        factor[:, ball] = light(_ball_normals(local, ball), palette).T
    shift = moment.offset.T.take(hits.solid, axis=1) + 17.0 * hits.face
    noise = ripmap.sample(
        points.u + shift[0], points.v + shift[1], points.width_u, points.width_v, SOLID_TEXEL
    )
    noise = np.clip(noise, -2.2, 2.2) * moment.contrast.astype(np.float32)[hits.solid]
    return faces.paint(points, noise, moment) * factor


def light(normals, palette):
    """Color factor [..., 3] of surfaces with unit normals [..., 3]."""
    sun = np.maximum(normals @ palette.sun, 0.0)
    return (palette.ambient + (1.15 - palette.ambient) * sun)[..., None] * palette.tint


def _local(view, hits, moment):
    depth = hits.depth.astype(np.float32)
    cos, sin = np.cos(moment.yaw), np.sin(moment.yaw)
    origin = _turned(cos, sin, (view.position - moment.center).T).astype(np.float32)
    cos, sin = cos.astype(np.float32)[hits.solid], sin.astype(np.float32)[hits.solid]
    ray = _turned(cos, sin, hits.rays)
    point = origin.take(hits.solid, axis=1) + depth * ray
    # How far the point moves on its face when the ray turns by one pixel.
    sideways, top = _axes(hits)
    along = _pick(sideways, top, ray)
    along = np.where(np.abs(along) < 1e-4, 1e-4, along)
    steps = []
    for i in (0, 1):
        turn = _turned(cos, sin, (view.rotation[:, i] / view.focal).astype(np.float32))
        steps.append(depth * (turn - ray * (_pick(sideways, top, turn) / along)))
    size = np.maximum(np.abs(steps[0]), np.abs(steps[1])) + 1e-4
    half = moment.half.T.astype(np.float32).take(hits.solid, axis=1)
    return Local(cos, sin, half, point, size)


def _axes(hits):
    """Whether Hits lie on faces across x, and on faces across y, the top and bottom [n], [n]."""
    axis = hits.face >> 1
    return axis == 0, axis == 1


def _pick(sideways, top, vectors):
    """The component [n] of vectors [3, n] across the face."""
    return np.where(sideways, vectors[0], np.where(top, vectors[1], vectors[2]))


def _turned(cos, sin, vectors):
    """World vectors [3] or [3, n] in the frames of solids [3, n]."""
    x, y, z = vectors
    return np.stack([cos * x - sin * z, y + 0 * cos, sin * x + cos * z])


def _on_faces(hits, local, moment):
    """The faces.Points of Hits; on ellipsoids only pattern, face and solid are right."""
    (sideways, top), (point, size) = _axes(hits), (local.point, local.size)
    return faces.Points(
        solid=hits.solid,
        face=hits.face,
        pattern=moment.kinds.ravel().take(moment.kinds.shape[1] * hits.solid + hits.face),
        u=np.where(sideways, point[2], point[0]),
        v=np.where(top, point[2], local.half[1] - point[1]),
        width_u=np.where(sideways, size[2], size[0]),
        width_v=np.where(top, size[2], size[1]),
    )


def _wrap_around(points, local, ball, width):
    """Sets u (around the vertical axis) and the pixel's size where `ball`, in place."""
    x, z = local.point[0, ball], local.point[2, ball]
    points.u[ball] = (np.arctan2(x, -z) * local.half[0, ball]).astype(np.float32)
    points.width_u[ball] = points.width_v[ball] = width


def _ball_normals(local, ball):
    """Unit normals [n, 3] in the world of points on ellipsoids."""
    cos, sin = local.cos[ball], local.sin[ball]
    normal = (local.point[:, ball] / local.half[:, ball] ** 2).T
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    normal[:, 0], normal[:, 2] = (
        cos * normal[:, 0] + sin * normal[:, 2],
        cos * normal[:, 2] - sin * normal[:, 0],
    )
    return normal


def _box_light(moment, palette):
    """Light factors [n, 6, 3] of the faces of every solid."""
    c, s, zero = np.cos(moment.yaw), np.sin(moment.yaw), np.zeros_like(moment.yaw)
    right, ahead = np.stack([c, zero, -s], -1), np.stack([s, zero, c], -1)
    down = np.stack([zero, zero + 1, zero], -1)
    normals = np.stack([-right, right, -down, down, -ahead, ahead], axis=1)
    return light(normals, palette).astype(np.float32)
