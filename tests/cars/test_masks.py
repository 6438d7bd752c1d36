"""SPIMO masks in boxes: a mask that is known, and its numbers."""

import numpy as np
import pytest

from aquanet_tf.cars import masks as car_masks
from aquanet_tf.cars.boxes import Box

SHAPE = (40, 100)
MOVING = Box("drive", 0, 10, 10, 30, 20, "moving", "cars.csv:2")
PARKED = Box("drive", 0, 60, 10, 80, 20, "parked", "cars.csv:3")
ALONE = Box("trip.mp4", 7, 60, 10, 80, 20, "parked", "cars.csv:4")


@pytest.fixture
def found(monkeypatch):
    """Scores of 1 in half of the moving car and a quarter of the parked one, 0.2 in the other half
    and in 300 of the other 3800 pixels."""
    score = np.zeros(SHAPE)
    score[10:15, 10:30], score[15:20, 10:30] = 1.0, 0.2
    score[10:20, 60:65] = 1.0
    score[30:33] = 0.2
    pictures = [(np.zeros((*SHAPE, 3), np.uint8), cars) for cars in ([MOVING, PARKED], [ALONE])]
    monkeypatch.setattr(car_masks, "frames", lambda boxes, root, desc: iter(pictures))
    return car_masks.measure([MOVING, PARKED, ALONE], "", lambda image: score, 0.5)


def test_shares_at_the_threshold(found):
    moving = found["drive"]["moving"]
    assert moving["recall"] == 0.5 and moving["images"] == 1
    assert moving["static_lost"] == pytest.approx(50 / 3800)
    assert found["drive"]["parked"] == 0.25


def test_recall_where_so_much_is_lost_elsewhere(found):
    """350 of 3800 pixels are taken where all of the car is found."""
    at = found["drive"]["moving"]["recall_at_static_lost"]
    assert at["0.1"] == pytest.approx(1) and 0.5 < at["0.05"] < 1


def test_a_source_without_moving_cars(found):
    assert found["trip.mp4"] == {"moving": None, "parked": 0.25}


def test_table(found):
    lines = car_masks.table(found, 0.5).splitlines()
    assert len(lines) == 5 and "threshold 0.5" in lines[0]
    assert lines[2].split()[:4] == ["source", "moving", "other", "parked"]
    assert lines[3].split()[:4] == ["drive", "0.50", "0.01", "0.25"]
    assert lines[4].split() == ["trip.mp4", "-", "-", "0.25", *"-----"]
    assert len({len(line) for line in lines[2:]}) == 1


def test_shares_count_pixels_not_boxes(monkeypatch):
    """A box of 200 pixels that the mask takes, and one of 20 that it does not."""
    small = ALONE._replace(left=0, right=2)
    score = np.zeros(SHAPE)
    score[10:20, 60:80] = 1.0
    picture = (np.zeros((*SHAPE, 3), np.uint8), [ALONE, small])
    monkeypatch.setattr(car_masks, "frames", lambda boxes, root, desc: iter([picture]))
    found = car_masks.measure([ALONE, small], "", lambda image: score, 0.5)
    assert found["trip.mp4"]["parked"] == pytest.approx(200 / 220)
