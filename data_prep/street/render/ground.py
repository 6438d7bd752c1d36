"""The ground: asphalt with patches and marks, parking strips, sidewalks, yards, a side street."""

from __future__ import annotations

import numpy as np

from data_prep.street.render.texture import band, pulses

FINE_TEXEL, COARSE_TEXEL = 0.03, 0.4


def ground_color(view, rays, depth, scene, ripmap):
    """Colors [3, n] where rays meet the ground.

    view: raycast.View. rays: world directions [3, n] with camera z = 1. depth: z-depth [n] in
    meters. scene: world.scene.Scene. ripmap: texture.Ripmap with the noise of the drive.
    """
    road, palette = scene.road, scene.palette
    x = view.position[0] + depth * rays[0]
    z = view.position[2] + depth * rays[2]
    s, l, heading = (a.astype(np.float32) for a in road.locate(x, z))  # noqa: E741
    width_l, width_s = _footprint(view, rays, depth.astype(np.float32), heading)
    color = _materials(palette, s, l, width_s, width_l)
    a, b, c, d = palette.noise_offset
    noise = ripmap.sample(l + a, 0.6 * s + b, width_l, 0.6 * width_s, FINE_TEXEL)
    noise += 0.8 * ripmap.sample(l + c, s + d, width_l, width_s, COARSE_TEXEL)
    contrast = np.where(np.abs(l) < palette.lane, 0.2, 0.24).astype(np.float32)
    color *= 1.0 + contrast * np.clip(noise, -2.5, 2.8)
    sun = palette.ambient + (1.15 - palette.ambient) * max(-palette.sun[1], 0.0)
    return color * (sun * palette.tint).astype(np.float32)[:, None]


def _footprint(view, rays, t, heading):
    """Size of a pixel on the ground across and along the road [n], [n] in meters."""
    sizes = []
    cos, sin = np.cos(heading), np.sin(heading)
    for i in (0, 1):
        step = (view.rotation[:, i] / view.focal).astype(np.float32)
        share = step[1] / rays[1]
        dx, dz = t * (step[0] - rays[0] * share), t * (step[2] - rays[2] * share)
        sizes.append((np.abs(cos * dx - sin * dz), np.abs(sin * dx + cos * dz)))
    return (np.maximum(first, second) + 1e-4 for first, second in zip(*sizes))


def _materials(p, s, l, ws, wl):  # noqa: E741
    """Colors [3, n] without noise at road coordinates s, l with footprints ws, wl."""
    curb = np.where(l > 0, p.curb_right, p.curb_left).astype(np.float32)
    aside = np.abs(l)
    color = np.empty((3, s.size), np.float32)
    color[:] = p.yard[:, None]

    def lay(material, share, where=slice(None)):
        under = color[:, where]
        color[:, where] = under + (np.asarray(material, np.float32)[:, None] - under) * share

    walk = band(aside, curb, curb + p.sidewalk, wl)
    lay(p.paving, walk)
    lay(p.paving * 0.6, walk * np.maximum(
        pulses(aside - curb, p.slab, 0.06, wl), pulses(s, p.slab * 1.5, 0.05, ws)))  # fmt: skip
    lay(np.full(3, 0.68), band(aside, curb, curb + 0.22, wl))
    lay(p.parking, band(aside, 0.0, curb, wl))
    side = band(s, p.side_street - 3.5, p.side_street + 3.5, ws)
    lane = band(aside, 0.0, p.lane, wl)
    lay(p.asphalt, np.maximum(lane, side * band(aside, 0.0, 80.0, wl)))
    s_low, s_high, l_low, l_high = s - 0.5 * ws, s + 0.5 * ws, l - 0.5 * wl, l + 0.5 * wl
    first, last = s.min(initial=0) - 1, s.max(initial=0) + 1
    for (l0, s0, l1, s1), tone in zip(p.patches, p.patch_colors):
        if first < s1 and s0 < last:
            at = np.flatnonzero((s_high > s0) & (s_low < s1) & (l_high > l0) & (l_low < l1))
            if at.size:
                share = band(l[at], l0, l1, wl[at]) * band(s[at], s0, s1, ws[at])
                lay(tone, share * lane[at], at)
    open_road = 1.0 - band(s, p.side_street - 6.0, p.side_street + 6.0, ws)
    period, duty, phase = p.dash
    lay(p.marks, 0.9 * open_road * band(l, -0.07, 0.07, wl) * pulses(s + phase, period, duty, ws))
    if p.edge_line:
        lay(p.marks, 0.8 * open_road * band(aside, p.lane - 0.22, p.lane - 0.1, wl))
    return color
