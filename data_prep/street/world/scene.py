"""A random street: what stands where, and the state of everything at each frame."""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.street.world import palette, rotation, solids, traffic
from data_prep.street.world.road import Road

BEHIND, AHEAD = 40.0, 150.0


@dataclasses.dataclass(frozen=True)
class Moment:
    """All solids at one frame: arrays over n solids, of which number 0 is the ground.

    center, half [n, 3]: meters in the world, and half the size along the solid's own axes. yaw [n]:
    radians. round [n]: True for an ellipsoid. base, accent [n, 3]: colors. kinds [n, 7]: patterns
    of the faces. contrast [n], pitch [n, 2], offset [n, 2]: as in solids.Solid. moving [n]: bool.
    shadows [m, 5]: x, z, yaw and half size (x, z) of every car.
    """

    center: np.ndarray
    half: np.ndarray
    yaw: np.ndarray
    round: np.ndarray
    base: np.ndarray
    accent: np.ndarray
    kinds: np.ndarray
    contrast: np.ndarray
    pitch: np.ndarray
    offset: np.ndarray
    moving: np.ndarray
    shadows: np.ndarray


class Scene:
    """The world of one drive: `road`, `palette`, the camera's `trip`, and everything beside it.

    Args:
      rng: numpy Generator that decides everything else.
      frames: number of frames of the drive.
      leader: "equal", "other" or "none", see traffic.movers.
      stops: whether the camera's car halts for a few frames.
      camera_height: of the camera above the road, meters.
    """

    def __init__(
        self, rng, frames, leader="equal", stops=False, camera_height=traffic.CAMERA_HEIGHT
    ):
        step = traffic.steps(rng, frames, stops)
        traveled = float(step[:-1].sum())
        self.end = traveled + AHEAD
        self.road = Road(rng, -BEHIND, self.end)
        crossing = traveled + rng.uniform(20, 34) if rng.random() < 0.25 else None
        junction = crossing
        if junction is None:
            junction = rng.uniform(10, traveled + 60) if rng.random() < 0.4 else -1e4
        self.palette = palette.random_palette(rng, junction, self.end)
        lane = self.palette.lane / 2
        self.trip = traffic.trip(rng, self.road, step, lane, camera_height)
        self._parts, self._owner, self._poses, self._cars = [], [], [], []
        self._tracks = {}
        self._add([solids.Solid((0, 0, 0), (0, 0, 0), np.zeros(3), np.zeros(3))], (0, 0, 0))
        for side in (-1, 1):
            self._houses(rng, side)
            self._parked(rng, side)
            self._greenery(rng, side)
        self._skyline(rng)
        for track in traffic.movers(rng, self.road, step, lane, leader, crossing):
            parts, half = solids.car(rng)
            self._tracks[len(self._poses)] = track
            self._add(parts, track[0], half)
        self._stack()

    def moment(self, frame):
        """The Moment at frame number `frame`."""
        poses = self._poses.copy()
        moving = np.zeros(len(poses), bool)
        for owner, track in self._tracks.items():
            poses[owner] = track[frame]
            moving[owner] = traffic.in_motion(track)[frame]
        mine = poses[self._owner]
        center = np.einsum("nij,nj->ni", rotation.from_yaw(mine[:, 2]), self._local)
        center[:, 0] += mine[:, 0]
        center[:, 2] += mine[:, 1]
        shadows = np.array([[*poses[owner], *half] for owner, half in self._cars]).reshape(-1, 5)
        return Moment(
            center=center,
            yaw=mine[:, 2],
            moving=moving[self._owner],
            shadows=shadows,
            **self._fixed,
        )

    def _add(self, parts, pose, shadow=None):
        if shadow is not None:
            self._cars.append((len(self._poses), shadow))
        self._owner += [len(self._poses)] * len(parts)
        self._poses.append(tuple(pose))
        self._parts += parts

    def _stack(self):
        self._poses, self._owner = np.array(self._poses, float), np.array(self._owner)
        self._local = np.array([part.center for part in self._parts], float)
        names = ("half", "base", "accent", "contrast", "pitch", "offset")
        self._fixed = {n: np.array([getattr(p, n) for p in self._parts], float) for n in names}
        self._fixed["kinds"] = np.array([part.kinds for part in self._parts], np.uint8)
        self._fixed["round"] = np.array([part.round for part in self._parts])

    def _curb(self, side):
        return self.palette.curb_right if side > 0 else self.palette.curb_left

    def _free(self, s, room):
        return abs(s - self.palette.side_street) > room

    def _houses(self, rng, side):
        edge = self._curb(side) + self.palette.sidewalk
        usual_setback, usual_height = rng.uniform(1.2, 6.0), rng.uniform(4.5, 14.0)
        gap_share = rng.uniform(0.1, 0.5)
        s = -BEHIND
        while s < self.end - 15:
            width, depth = rng.uniform(8, 20), rng.uniform(8, 13)
            if rng.random() < gap_share:
                s += rng.uniform(2, 14)
            middle = s + width / 2
            if self._free(middle, width / 2 + 4.5):
                height = max(3.2, usual_height * rng.uniform(0.55, 1.5))
                setback = max(1.2, usual_setback + rng.normal(0, 1.0))
                x, z, heading = self.road.point(middle, side * (edge + setback + depth / 2))
                self._add(solids.building(rng, width, depth, height), (x, z, heading))
            if rng.random() < 0.35:
                x, z, heading = self.road.point(middle, side * (edge + rng.uniform(28, 45)))
                self._add(solids.building(rng, 18, 12, rng.uniform(12, 26)), (x, z, heading))
            s += width + rng.uniform(0.0, 0.6)

    def _parked(self, rng, side):
        curb = self._curb(side)
        if curb < self.palette.lane + 2:
            return
        spacing = rng.choice([2.0, 6.0, 16.0])
        s = -5.0
        while s < self.end - 45:
            parts, half = solids.car(rng)
            if self._free(s + half[1], 7.5):
                place = side * (curb - half[0] - rng.uniform(0.12, 0.3))
                x, z, heading = self.road.point(s + half[1], place)
                turned = heading + np.pi * (rng.random() < 0.5 + 0.4 * -side) + rng.normal(0, 0.02)
                self._add(parts, (x, z, turned), half)
            s += 2 * half[1] + 0.7 + rng.exponential(spacing)

    def _greenery(self, rng, side):
        curb, sidewalk = self._curb(side), self.palette.sidewalk
        for make, spacing, near, far in (
            (solids.tree, rng.uniform(7, 40), 0.75 * sidewalk, sidewalk + 1.5),
            (lambda r: solids.pole(r, -side), rng.uniform(8, 22), 0.35, 0.6),
        ):
            s = -5.0 + rng.uniform(0, spacing)
            while s < self.end - 60:
                if self._free(s, 5.5):
                    x, z, heading = self.road.point(s, side * (curb + rng.uniform(near, far)))
                    self._add(make(rng), (x, z, heading))
                s += spacing * rng.uniform(0.5, 1.5)

    def _skyline(self, rng):
        """Far blocks that close the view beyond the end of the street."""
        x, z, heading = self.road.point(self.end)
        for offset in np.arange(-140, 141, 28):
            ahead, aside = rng.uniform(15, 70), offset + rng.normal(0, 6)
            place = (
                x + ahead * np.sin(heading) + aside * np.cos(heading),
                z + ahead * np.cos(heading) - aside * np.sin(heading),
                heading,
            )
            size = rng.uniform(15, 30, 2)
            self._add(solids.building(rng, size[0], size[1], rng.uniform(6, 30)), place)
