"""The contact ratio on roads and cars that are painted into a map."""

import numpy as np
import pytest

from aquanet_tf.cars import contact
from aquanet_tf.cars.boxes import Box

HEIGHT, WIDTH, HORIZON = 128, 424, 50.0
CAMERA, CAR = 1.65, 1.5  # heights in meters
BOX = (180, 60, 221, 90)


def road():
    """Inverse depth of a flat road below a wall, [HEIGHT, WIDTH]."""
    rows = np.maximum(np.arange(HEIGHT) + 0.5 - HORIZON, 4.0) / (300 * CAMERA)
    return np.repeat(rows[:, None], WIDTH, axis=1)


def painted(box, depth):
    """The road with a car of constant depth in `box`."""
    left, top, right, bottom = box
    found = road()
    found[top:bottom, left:right] = 1 / depth
    return found


def strip_depth(box):
    """Depth of the road in the middle of the strip below a box."""
    _, top, _, bottom = box
    rows = round(0.25 * (bottom - top))
    return float(np.median(1 / road()[bottom : bottom + rows, 0]))


def standing(distance):
    """Box of a car whose tires are at `distance` units, to whole pixels."""
    size = 300 / distance
    bottom = round(HORIZON + size * CAMERA)
    return 200, bottom - round(size * CAR), 200 + round(size * 1.8), bottom


def test_a_car_at_the_depth_of_the_road_has_ratio_one():
    assert contact.ratio(painted(BOX, strip_depth(BOX)), BOX) == pytest.approx(1)


@pytest.mark.parametrize("distance", [8.0, 12.0, 18.0])
def test_a_car_that_stands_on_the_road_has_the_same_ratio_at_any_distance(distance):
    box = standing(distance)
    found = contact.ratio(painted(box, distance), box)
    assert found == pytest.approx(1 + CAR / CAMERA / 8, abs=0.03)


@pytest.mark.parametrize("factor", [2.0, 10.0])
def test_a_hole_is_as_large_as_its_depth(factor):
    assert contact.ratio(painted(BOX, factor * strip_depth(BOX)), BOX) == pytest.approx(factor)


def test_a_hole_that_swallows_the_road_below_shows_beside():
    found = painted(BOX, 10 * strip_depth(BOX))
    left, _, right, bottom = BOX
    found[bottom : bottom + 12, left - 5 : right + 5] = 0.1 / strip_depth(BOX)
    assert contact.ratio(found, BOX) == pytest.approx(1)
    assert contact.ratio_beside(found, BOX) == pytest.approx(10)


def test_of_the_two_sides_the_farther_one_counts():
    """A wall at the right is nearer than the road."""
    found = painted(BOX, 3 * strip_depth(BOX))
    found[:, BOX[2] + 10 :] = 1.0
    assert contact.ratio_beside(found, BOX) == pytest.approx(3)
    assert contact.ratio_beside(found[:, ::-1], mirrored(BOX)) == pytest.approx(3)


def test_a_car_as_wide_as_the_image_has_no_road_beside():
    assert contact.ratio_beside(road()[:, 180:221], (2, 60, 40, 90)) is None


def mirrored(box):
    return WIDTH - box[2], box[1], WIDTH - box[0], box[3]


def test_the_same_depth_everywhere_has_ratio_one():
    """What the documents warn of."""
    assert contact.ratio(np.full((HEIGHT, WIDTH), 0.07), BOX) == pytest.approx(1)


def test_the_network_that_sees_no_car_has_a_large_ratio():
    """The road goes on behind the box up to the wall."""
    assert contact.ratio(road(), BOX) > contact.HOLE


def test_corners_of_background_do_not_count():
    found = painted(BOX, strip_depth(BOX))
    found[60:68, 180:188] = found[60:68, 213:221] = 1e-3
    assert contact.ratio(found, BOX) == pytest.approx(1)


def test_the_scale_of_depth_cancels():
    found = painted(BOX, 13.0) + np.random.default_rng(0).uniform(0, 0.01, (HEIGHT, WIDTH))
    assert contact.ratio(20 * found, BOX) == pytest.approx(contact.ratio(found, BOX))


@pytest.mark.parametrize("width", range(3, 24))
def test_a_mirrored_map_has_the_same_ratio(width):
    found = np.random.default_rng(width).uniform(0.01, 0.2, (HEIGHT, WIDTH))
    box = (37, 60, 37 + width, 80)
    for ratio in (contact.ratio, contact.ratio_beside):
        assert ratio(found[:, ::-1], mirrored(box)) == ratio(found, box)


def test_the_strip_is_two_rows_of_the_network_at_least():
    """What lies further below does not count, what lies within does."""
    box = (100, 60, 120, 68)  # a quarter of its height: two rows
    found = np.full((HEIGHT, WIDTH), 0.1)
    found[70:78] = 0.2
    assert contact.ratio(found, box) == pytest.approx(1)
    assert contact.ratio(found, box, working_height=HEIGHT // 4) == pytest.approx(2)


@pytest.mark.parametrize(
    "box, word",
    [
        ((-1, 60, 20, 80), "424x128"),
        ((400, 60, 425, 80), "424x128"),
        ((10, 60, 10, 80), "424x128"),
        ((10, 60, 20, 129), "424x128"),
        ((10, 60, 20, 127), "no road below"),
    ],
)
def test_a_box_without_a_road_is_refused(box, word):
    with pytest.raises(ValueError, match=word):
        contact.ratio(road(), box)


def test_summary_and_table():
    near, far = "drive/data", "trip.mp4"
    values = {(near, "moving"): [0.9, 1.1, 1.45, 9.0], (far, "moving"): [2.0], (far, "parked"): [1]}
    rows = [
        {
            "source": source,
            "kind": kind,
            "ratio": value,
            "beside": 2 * value if near in source else None,
        }
        for (source, kind), found in values.items()
        for value in found
    ]
    groups = {(g["source"], g["kind"]): g for g in contact.summarize(rows)}
    assert list(groups) == [*values, ("all", "moving"), ("all", "parked")]
    first = groups[near, "moving"]
    assert first["cars"] == 4 and first["median"] == pytest.approx(1.275)
    assert first["on_road"] == 0.5 and first["holes"] == 0.25
    assert groups["all", "moving"]["cars"] == 5 and groups["all", "moving"]["holes"] == 0.4
    assert first["beside"]["median"] == pytest.approx(2.55) and first["beside"]["holes"] == 1
    assert (
        groups[far, "parked"]["beside"] is None and groups["all", "moving"]["beside"]["cars"] == 4
    )
    lines = contact.table(list(groups.values())).splitlines()
    assert len(lines) == 3 + len(groups)
    numbers = ["1.27", "1.05", "to", "3.34", "50%", "25%", "|", "2.55", "0%", "100%"]
    assert lines[3].split() == [near, "moving", "4", *numbers]
    assert lines[4].split()[-2:] == ["|", "-"]


def test_a_message_names_the_line(monkeypatch):
    box = Box("a.mp4", 0, *BOX[:3], 4000, "parked", "cars.csv:7")
    monkeypatch.setattr(contact, "frames", lambda boxes, root: [(np.zeros((4, 4, 3)), boxes)])
    with pytest.raises(ValueError, match="cars.csv:7: .*424x128"):
        contact.measure([box], "", lambda image: road())
