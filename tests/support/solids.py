"""Solids of the street at places of a test's choice, as the renderer gets them."""

import numpy as np

from data_prep.street.world import scene, solids


def moment(parts, yaw=0.0):
    """A scene.Moment of standing solids.Solid, each turned by `yaw` about its own center; their
    numbers begin with 1, as number 0 is the ground."""
    ground = solids.Solid((0, 0, 0), (0, 0, 0), np.zeros(3), np.zeros(3))
    every = [ground, *parts]
    names = ("center", "half", "base", "accent", "contrast", "pitch", "offset")
    values = {name: np.array([getattr(part, name) for part in every], float) for name in names}
    return scene.Moment(
        **values,
        yaw=np.full(len(every), float(yaw)),
        round=np.array([part.round for part in every]),
        kinds=np.array([part.kinds for part in every], np.uint8),
        moving=np.zeros(len(every), bool),
        shadows=np.zeros((0, 5)),
    )
