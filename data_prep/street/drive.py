"""One drive of the street, made in a worker process from nothing but its plan."""

from __future__ import annotations

import dataclasses
import os
import shutil

import numpy as np

from data_prep.street.render import picture as render_picture
from data_prep.street.render.texture import Ripmap, fractal_tile
from data_prep.street.world.scene import Scene
from data_prep.street.write.kitti import DATE, DriveWriter, drive_name

GOLDEN = 0.6180339887
LEADER_SHARE, OTHER_SHARE = 0.75, 0.12


@dataclasses.dataclass(frozen=True)
class Plan:
    """What determines a drive: its number in the folder, its kind and index, sizes, the seed."""

    number: int
    held_out: bool
    index: int
    frames: int
    height: int
    width: int
    seed: int


def plans(drives, test_drives, frames, height, width, seed):
    """Plans of all drives: `drives` to learn from, then `test_drives` held out.

    Held-out drives have seeds of their own, so they stay the same whatever `drives` is.
    """
    kinds = [(False, i) for i in range(drives)] + [(True, i) for i in range(test_drives)]
    return [
        Plan(number, held_out, index, frames, height, width, seed)
        for number, (held_out, index) in enumerate(kinds, start=1)
    ]


def make_scene(plan):
    """The Scene and the noise (Ripmap) of a drive; the same plan gives the same scene."""
    rng = np.random.default_rng([plan.seed, int(plan.held_out), plan.index])
    first = np.random.default_rng([plan.seed, int(plan.held_out)]).random()
    # Evenly spread, so that few drives hold as large a share of leading cars as many.
    place = (first + plan.index * GOLDEN) % 1.0
    leader = "equal" if place < LEADER_SHARE else "other"
    leader = "none" if place >= LEADER_SHARE + OTHER_SHARE else leader
    stops = not plan.held_out and plan.index % 24 == 17
    scene = Scene(rng, plan.frames, leader, stops)
    return scene, Ripmap(fractal_tile(rng))


def drive_folder(out, number):
    """Where a drive lies below the output folder."""
    return os.path.join(out, DATE, drive_name(number))


def make_drive(out, plan):
    """Writes one drive under a temporary name, then renames it; returns the drive's number.

    A drive that already has its final name is complete and left alone.
    """
    final = drive_folder(out, plan.number)
    if os.path.isdir(final):
        return plan.number
    folder = final + ".tmp"
    shutil.rmtree(folder, ignore_errors=True)
    scene, ripmap = make_scene(plan)
    writer = DriveWriter(folder, scene.trip)
    for frame in range(plan.frames):
        rotation, position = scene.trip.rotation[frame], scene.trip.position[frame]
        view = render_picture.camera(plan.height, plan.width, rotation, position)
        moment = scene.moment(frame)
        depth, moving = render_picture.ground_truth(view, moment)
        picture = render_picture.picture(view, moment, scene, ripmap)
        writer.frame(frame, view, picture, depth, moving)
    writer.finish()
    os.rename(folder, final)
    return plan.number
