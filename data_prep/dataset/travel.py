"""The distances that the camera traveled between the frames of a triplet."""

from __future__ import annotations

import functools

from aquanet_tf.data import records
from data_prep.dataset.encode import Item


def with_distances(items: list[Item]) -> list[Item]:
    """The items with the meters from the target to the previous and to the next frame.

    A distance is the sum of the steps between the frames that are used, whatever the stride; it is
    unknown where one of the steps is.
    """

    @functools.cache
    def steps(drive, camera):
        return drive.steps(camera)

    found = []
    for item in items:
        triplet = item.triplet
        known = steps(triplet.drive, triplet.camera)
        before, target, after = triplet.frames
        distances = _between(known, before, target), _between(known, target, after)
        found.append(item._replace(distances=distances))
    return found


def is_known(item: Item) -> bool:
    """Whether the item has one of its two distances."""
    return max(item.distances) > 0


def _between(steps: dict[int, float], first: int, last: int) -> float:
    """Meters from frame `first` to frame `last`, or records.UNKNOWN."""
    parts = [steps.get(frame) for frame in range(first, last)]
    return records.UNKNOWN if None in parts else float(sum(parts))
