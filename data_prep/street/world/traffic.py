"""How the camera and the moving cars travel along the road, frame by frame (10 Hz)."""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.street.world import rotation

CAMERA_HEIGHT = 1.65
FRAME_RATE = 10.0
MIN_STEP, MAX_STEP = 0.5, 1.6
STOP_FRAMES = 3


@dataclasses.dataclass(frozen=True)
class Trip:
    """The camera's path: s [f] meters along the road, step [f] meters to the next frame, and pose.

    rotation [f, 3, 3] and position [f, 3] are camera-to-world; yaw, pitch, roll [f] in radians.
    """

    s: np.ndarray
    step: np.ndarray
    rotation: np.ndarray
    position: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray


def steps(rng, frames, stops):
    """Meters from each frame to the next [frames]; `stops` brings the car to a halt half way."""
    mean = rng.uniform(0.9, 1.5)
    swing = rng.uniform(0.03, 0.15) * np.sin(
        2 * np.pi * (np.arange(frames) / rng.uniform(20, 60) + rng.uniform())
    )
    step = np.clip(mean * (1 + swing), MIN_STEP, MAX_STEP)
    if stops:
        away = np.abs(np.arange(frames) - frames // 2)
        step = step * np.clip((away - STOP_FRAMES // 2) / 5.0, 0.0, 1.0)
    return step


def trip(rng, road, step, lane, camera_height=CAMERA_HEIGHT):
    """The Trip of the camera on a road.Road, `lane` meters to the right of its center line and
    `camera_height` meters above it.

    Sway and bounce depend on the distance traveled alone, so the camera stands still in a stop.
    """
    s = np.concatenate([[0.0], np.cumsum(step[:-1])])

    def wave(size, shortest, longest):
        return size * np.sin(2 * np.pi * (s / rng.uniform(shortest, longest) + rng.uniform()))

    sway_length, sway, phase = rng.uniform(40, 90), rng.uniform(0.05, 0.3), rng.uniform()
    angle = 2 * np.pi * (s / sway_length + phase)
    lateral = lane + sway * np.sin(angle)
    x, z, heading = road.point(s, lateral)
    yaw = heading + np.arctan(sway * 2 * np.pi / sway_length * np.cos(angle))
    pitch = rng.normal(0.0, 0.006) + wave(0.004, 5, 12) + wave(0.002, 2.5, 4)
    roll = rng.normal(0.0, 0.004) + wave(0.003, 6, 15)
    y = -camera_height - wave(0.012, 5, 12)
    turned = rotation.camera_to_world(yaw, pitch, roll)
    return Trip(s, step, turned, np.stack([x, y, z], axis=-1), yaw, pitch, roll)


def movers(rng, road, step, lane, leader, crossing):
    """Tracks [frames, 3] (x, z, yaw) of the moving cars of a drive.

    Args:
      step: the camera's meters from frame to frame [frames].
      lane: meters from the center line to the middle of the camera's lane (to the right).
      leader: "equal" (a car ahead at the camera's own speed, which looks infinitely far away to
        photometric learning), "other" (clearly slower or faster), or "none".
      crossing: None, or the s at which a car crosses the road.
    """
    frames = np.arange(step.size)
    s = np.concatenate([[0.0], np.cumsum(step[:-1])])
    tracks = []

    def along(position, side, reverse=False):
        x, z, heading = road.point(position, side + np.zeros_like(position))
        tracks.append(np.stack([x, z, heading + np.pi * reverse], axis=-1))

    if leader != "none":
        gap = rng.uniform(7.5, 14 if crossing is not None else 23)
        if leader == "equal":
            drift = rng.uniform(-0.03, 0.03)
        else:
            gap, drift = rng.choice([(25, -0.35), (20, -0.2), (10, 0.25), (9, 0.4)])
        along(s * (1 + drift) + gap, lane + rng.normal(0, 0.15))
        if crossing is None and rng.random() < 0.3:
            along(s * (1 + rng.uniform(-0.04, 0.1)) + gap + rng.uniform(9, 20), lane)
    if crossing is not None:
        pace, turn = rng.uniform(0.3, 0.8), rng.choice([-1, 1])
        way = turn * pace * (frames - step.size * rng.uniform(0.25, 0.75))
        x, z, heading = road.point(np.full(step.size, crossing), way)
        tracks.append(np.stack([x, z, heading + turn * np.pi / 2], axis=-1))
        return tracks
    kind = rng.choice(["oncoming", "overtaking", "none"], p=[0.62, 0.18, 0.2])
    if kind == "oncoming":
        pace, position = rng.uniform(0.5, 1.1), rng.uniform(14, 60)
        for _ in range(rng.integers(1, 4)):
            along(position - pace * frames, -lane + rng.normal(0, 0.15), reverse=True)
            position += rng.uniform(12, 35)
    elif kind == "overtaking":
        along(s * rng.uniform(1.15, 1.5) + rng.uniform(6, 14), -lane - 0.1)
    return tracks


def in_motion(track):
    """Whether a car moves around each frame [frames]: 2 cm or more to either neighbor."""
    hop = np.hypot(*np.diff(track[:, :2], axis=0).T) > 0.02
    return np.concatenate([hop, [False]]) | np.concatenate([[False], hop])
