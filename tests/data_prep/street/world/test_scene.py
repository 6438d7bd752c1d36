"""The street as a whole: cars keep apart, only tracks move, the same seed is the same street."""

import itertools

import numpy as np
import pytest

from data_prep.street.world.scene import Scene

FRAMES = 24  # those of data_prep.street; cars that differ in speed meet in longer drives


@pytest.fixture(scope="module", params=range(8))
def scene(request):
    leader = ("equal", "equal", "other", "none")[request.param % 4]
    return Scene(np.random.default_rng(request.param), FRAMES, leader, request.param == 5)


def overlap(one, other):
    """Meters by which two outlines (x, z, yaw, half x, half z) reach into each other; 0: apart."""
    if np.hypot(*(one[:2] - other[:2])) > np.hypot(*one[3:]) + np.hypot(*other[3:]):
        return 0.0
    axes = [
        (np.cos(yaw + turn), -np.sin(yaw + turn))
        for yaw in (one[2], other[2])
        for turn in (0, np.pi / 2)
    ]
    reaches = []
    for axis in axes:
        ends = [np.dot(corners(car), axis) for car in (one, other)]
        reaches.append(min(e.max() for e in ends) - max(e.min() for e in ends))
    return max(0.0, min(reaches))


def corners(car):
    x, z, yaw, half_x, half_z = car
    right, ahead = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    signs = itertools.product((-1, 1), (-1, 1))
    return np.array([(x, z) + a * half_x * right + b * half_z * ahead for a, b in signs])


def test_no_car_drives_through_another(scene):
    """Where the road bends, parked cars may touch by the corners."""
    for frame in range(0, FRAMES, 4):
        cars = scene.moment(frame).shadows
        for one, other in itertools.combinations(cars, 2):
            assert overlap(one, other) < 0.25


def test_every_car_has_a_shadow_where_it_stands(scene):
    """The body of a car is the solid that fills the outline of its shadow."""
    moment = scene.moment(7)
    for x, z, yaw, half_x, half_z in moment.shadows:
        at = np.hypot(moment.center[:, 0] - x, moment.center[:, 2] - z) < 1e-9
        size = np.isclose(moment.half[:, 0], half_x) & np.isclose(moment.half[:, 2], half_z)
        assert (at & size & (moment.yaw == yaw)).any()


def test_only_what_moves_is_elsewhere_in_the_next_frame(scene):
    for frame in (0, 11, 22):
        now, then = scene.moment(frame), scene.moment(frame + 1)
        shift = np.linalg.norm(then.center - now.center, axis=1)
        assert shift[~(now.moving & then.moving)].max() <= 0.021
        assert not now.moving[0] and now.half is then.half


def test_the_same_seed_is_the_same_street():
    one, other, another = (Scene(np.random.default_rng(seed), 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.moment(2).center, other.moment(2).center)
    np.testing.assert_array_equal(one.trip.position, other.trip.position)
    assert not np.array_equal(one.trip.position, another.trip.position)


def test_nothing_stands_on_the_lanes(scene):
    """Neither houses, trees nor parked cars; the arm of a lamp hangs over the road."""
    moment = scene.moment(0)
    x, y, z = moment.center.T
    s, aside, _ = scene.road.locate(x, z)
    moves = [np.abs(scene.moment(f).center - moment.center).max(axis=1) > 0 for f in (5, 12, 23)]
    stands = ~np.any(moves, axis=0) & (y + moment.half[:, 1] > -2.0)
    stands &= (s > -20) & (s < scene.end - 20)
    stands[0] = False  # the ground
    edge = np.abs(aside) - np.minimum(moment.half[:, 0], moment.half[:, 2])
    assert stands.sum() > 20 and edge[stands].min() > scene.palette.lane - 0.5
