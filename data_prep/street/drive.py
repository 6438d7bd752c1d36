"""One drive of the street, made from its plan alone, so that any process can make it."""

from __future__ import annotations

import dataclasses
import os
import shutil

import numpy as np

from data_prep.street.render import picture as render_picture
from data_prep.street.render.texture import Ripmap, fractal_tile
from data_prep.street.world.scene import Scene
from data_prep.street.world.traffic import CAMERA_HEIGHT
from data_prep.street.write.kitti import DATE, DriveWriter, drive_name

GOLDEN = 0.6180339887
# Shares of drives that follow a car at the camera's own speed, and at another speed.
LEADER_SHARE, OTHER_SHARE = 0.75, 0.12


@dataclasses.dataclass(frozen=True)
class Street:
    """What determines a whole street; every field is a flag of data_prep.street.

    drives: for training; test_drives: held out. frames: of each drive. height, width: of the
    images, pixels. camera_height: above the road, meters. focal: focal length in widths of the
    image. The defaults of the last two are near KITTI's camera.
    """

    drives: int
    test_drives: int
    frames: int
    height: int
    width: int
    seed: int
    camera_height: float = CAMERA_HEIGHT
    focal: float = render_picture.FOCAL


@dataclasses.dataclass(frozen=True)
class Plan:
    """What determines one drive: its number in the folder, its index among the drives for training
    or among those held out, and the street that it is of."""

    number: int
    held_out: bool
    index: int
    street: Street


def plans(street):
    """Plans of all drives of a Street: those for training, then those held out.

    Held-out drives have seeds of their own, so they do not depend on the number of drives.
    """
    kinds = [(False, i) for i in range(street.drives)]
    kinds += [(True, i) for i in range(street.test_drives)]
    return [
        Plan(number, held_out, index, street)
        for number, (held_out, index) in enumerate(kinds, start=1)
    ]


def make_scene(plan):
    """The Scene and the noise (Ripmap) of a drive, determined by its plan."""
    street = plan.street
    rng = np.random.default_rng([street.seed, int(plan.held_out), plan.index])
    first = np.random.default_rng([street.seed, int(plan.held_out)]).random()
    # Evenly spread, so that few drives hold as large a share of leading cars as many.
    place = (first + plan.index * GOLDEN) % 1.0
    leader = "equal" if place < LEADER_SHARE else "other"
    leader = "none" if place >= LEADER_SHARE + OTHER_SHARE else leader
    stops = not plan.held_out and plan.index % 24 == 17
    scene = Scene(rng, street.frames, leader, stops, street.camera_height)
    return scene, Ripmap(fractal_tile(rng))


def drive_folder(out, number):
    """The folder of the drive of this number below the folder `out` of a street."""
    return os.path.join(out, DATE, drive_name(number))


def make_drive(out, plan):
    """Writes one drive under a temporary name, then renames it; returns the drive's number.

    A drive that already has its final name is complete and not written again.
    """
    final = drive_folder(out, plan.number)
    if os.path.isdir(final):
        return plan.number
    folder = final + ".tmp"
    shutil.rmtree(folder, ignore_errors=True)
    scene, ripmap = make_scene(plan)
    writer = DriveWriter(folder, scene.trip)
    street = plan.street
    for frame in range(street.frames):
        pose = scene.trip.rotation[frame], scene.trip.position[frame]
        view = render_picture.camera(street.height, street.width, *pose, street.focal)
        moment = scene.moment(frame)
        depth, moving = render_picture.ground_truth(view, moment)
        image = render_picture.picture(view, moment, scene, ripmap)
        writer.frame(frame, view, image, depth, moving)
    writer.finish()
    os.rename(folder, final)
    return plan.number
