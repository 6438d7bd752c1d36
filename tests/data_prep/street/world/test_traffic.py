"""How everything travels: the camera on its path, cars along the road, what counts as motion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.street.world import rotation, traffic
from data_prep.street.world.road import Road

LANE, FRAMES = 1.6, 30
seeds = st.integers(0, 10**6)
few = settings(max_examples=15)


def start(seed, stops=False):
    """A generator, a road and the steps of the camera."""
    rng = np.random.default_rng(seed)
    step = traffic.steps(rng, FRAMES, stops)
    return rng, Road(rng, -40.0, 200.0), step


@given(seeds, st.integers(1, 60))
def test_speed_stays_in_its_bounds_and_changes_little(seed, frames):
    step = traffic.steps(np.random.default_rng(seed), frames, stops=False)
    assert step.shape == (frames,)
    assert step.min() >= traffic.MIN_STEP and step.max() <= traffic.MAX_STEP
    assert np.abs(np.diff(step)).max(initial=0) < 0.1  # 10 m/s^2


@given(seeds)
def test_a_stop_is_half_way_and_brakes(seed):
    step = traffic.steps(np.random.default_rng(seed), FRAMES, stops=True)
    usual = traffic.steps(np.random.default_rng(seed), FRAMES, stops=False)
    still = np.flatnonzero(step == 0)
    assert still.size == traffic.STOP_FRAMES and FRAMES // 2 in still
    assert (np.diff(still) == 1).all() and (step <= usual).all()
    np.testing.assert_array_equal(step[:4], usual[:4])
    assert np.abs(np.diff(step)).max() < 0.4


@few
@given(seeds, st.booleans(), st.floats(1.0, 3.0))
def test_the_camera_drives_in_its_lane_and_looks_where_it_goes(seed, stops, height):
    rng, road, step = start(seed, stops)
    trip = traffic.trip(rng, road, step, LANE, height)
    np.testing.assert_allclose(np.diff(trip.s), step[:-1])
    x, z, heading = road.point(trip.s, np.full(FRAMES, LANE))
    assert np.hypot(trip.position[:, 0] - x, trip.position[:, 2] - z).max() < 0.31
    assert np.abs(trip.position[:, 1] + height).max() < 0.013
    way = np.diff(trip.position, axis=0)
    # Steps are those of the center line: beside it a bend is longer or shorter.
    bend = (LANE + 0.3) * np.abs(np.diff(heading))
    assert (np.abs(np.linalg.norm(way, axis=1) - step[:-1]) <= bend + 0.02).all()
    moves = step[:-1] > 0.2
    ahead = trip.rotation[:-1][moves] @ [0.0, 0.0, 1.0]
    along = way[moves] / np.linalg.norm(way[moves], axis=1, keepdims=True)
    assert np.sum(ahead * along, axis=1).min() > np.cos(np.radians(5))
    upright = trip.rotation @ [0.0, 1.0, 0.0]
    assert upright[:, 1].min() > np.cos(np.radians(4))


@given(st.floats(-4, 4), st.floats(-1, 1), st.floats(-1, 1))
def test_rotations_turn_to_the_right_and_up(yaw, pitch, roll):
    r = rotation.camera_to_world(np.array(yaw), np.array(pitch), np.array(roll))
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(r) == pytest.approx(1.0)
    x, y, z = r @ [0.0, 0.0, 1.0]
    assert y == pytest.approx(-np.sin(pitch), abs=1e-12)
    np.testing.assert_allclose((x, z), np.cos(pitch) * np.array([np.sin(yaw), np.cos(yaw)]))
    np.testing.assert_array_equal(rotation.from_yaw(np.array([yaw])).shape, (1, 3, 3))


@few
@given(seeds, st.sampled_from(["equal", "other", "none"]), st.booleans(), st.booleans())
def test_cars_drive_forward_and_on_the_road(seed, leader, crosses, stops):
    """The nose points where the car goes, also of those that come or cross."""
    rng, road, step = start(seed, stops)
    crossing = step.sum() + 25.0 if crosses else None
    for track in traffic.movers(rng, road, step, LANE, leader, crossing):
        assert track.shape == (FRAMES, 3) and np.isfinite(track).all()
        hop = np.diff(track[:, :2], axis=0)
        length = np.linalg.norm(hop, axis=1)
        assert length.max() < 3.5  # 35 m/s
        far = length > 0.1
        nose = np.stack([np.sin(track[:-1, 2]), np.cos(track[:-1, 2])], -1)
        assert (np.sum(nose * hop, axis=1)[far] > 0.98 * length[far]).all()


@few
@given(seeds, st.booleans())
def test_the_leader_keeps_its_distance_and_stops_with_the_camera(seed, stops):
    """Within 3% of the way; the straight line is up to 2 m shorter in a bend."""
    rng, road, step = start(seed, stops)
    track = traffic.movers(rng, road, step, LANE, "equal", None)[0]
    s = np.concatenate([[0.0], np.cumsum(step[:-1])])
    x, z, _ = road.point(s, np.full(FRAMES, LANE))
    gap = np.hypot(track[:, 0] - x, track[:, 1] - z)
    assert gap.min() > 6.0 and np.ptp(gap) < 0.03 * s[-1] + 3.0
    np.testing.assert_array_equal(traffic.in_motion(track), traffic.in_motion(np.stack([x, z], -1)))


@given(st.lists(st.sampled_from([0.0, 0.019, 0.021, 1.0]), max_size=8), st.floats(0, 6))
def test_a_car_moves_where_it_was_or_will_be_elsewhere(hops, direction):
    way = np.concatenate([[0.0], np.cumsum(hops)])
    track = np.stack([way * np.sin(direction), way * np.cos(direction), way], -1)
    large = [hop > 0.02 for hop in hops]
    expected = [before or after for before, after in zip([False, *large], [*large, False])]
    assert traffic.in_motion(track).tolist() == expected
    assert traffic.in_motion(track[::-1]).tolist() == expected[::-1]
