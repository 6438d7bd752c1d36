"""What stands on the street is whole: nothing floats, sinks or sticks out of its own outline."""

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.street.world import solids

seeds = st.integers(0, 10**6)


def rng(seed):
    return np.random.default_rng(seed)


def bounds(part):
    """(low, high) [3] of a solid in the frame of its owner."""
    return np.subtract(part.center, part.half), np.add(part.center, part.half)


def touch(one, other):
    (low, high), (lower, higher) = bounds(one), bounds(other)
    return (low <= higher + 1e-9).all() and (lower <= high + 1e-9).all()


MAKERS = {
    "car": lambda seed: solids.car(rng(seed))[0],
    "building": lambda seed: solids.building(rng(seed), 12.0, 9.0, 8.0),
    "tree": lambda seed: solids.tree(rng(seed)),
    "pole": lambda seed: solids.pole(rng(seed), -1),
}


@pytest.mark.parametrize("name", ["car", "building", "pole"])
@given(seed=seeds)
def test_everything_stands_on_the_ground_and_hangs_together(name, seed):
    """y is down, so the lowest point is the largest y; a car has some space below it."""
    parts = MAKERS[name](seed)
    lowest = max(bounds(part)[1][1] for part in parts)
    assert lowest == pytest.approx(-0.12 if name == "car" else 0.0)
    joined = parts[:1]
    for _ in parts:
        joined += [p for p in parts if p not in joined and any(touch(p, q) for q in joined)]
    assert len(joined) == len(parts)


@given(seeds)
def test_the_crown_of_a_tree_is_round_and_at_the_height_of_its_trunk_or_it_is_a_bush(seed):
    parts = solids.tree(rng(seed))
    trunks, crown = ([p for p in parts if p.round == is_round] for is_round in (False, True))
    assert 1 <= len(crown) <= 3 and len(trunks) <= 1
    for part in crown:
        low, high = bounds(part)
        if trunks:
            top, ground = bounds(trunks[0])
            assert ground[1] == pytest.approx(0.0)
            assert low[1] < top[1] < high[1] < ground[1]
        else:
            assert high[1] > -0.5


@pytest.mark.parametrize("name", MAKERS)
@given(seed=seeds)
def test_every_solid_has_a_size_and_colors_that_exist(name, seed):
    for part in MAKERS[name](seed):
        assert min(part.half) > 0 and len(part.kinds) == 7 and min(part.pitch) > 0
        for color in (part.base, part.accent):
            assert color.shape == (3,) and color.min() >= 0 and color.max() <= 1


@given(seeds)
def test_a_car_fills_the_outline_of_its_shadow_and_its_cabin_sits_on_the_body(seed):
    (body, cabin), (half_x, half_z) = solids.car(rng(seed))
    low, high = bounds(body)
    np.testing.assert_allclose(high[[0, 2]], (half_x, half_z))
    np.testing.assert_allclose(low[[0, 2]], (-half_x, -half_z))
    inner_low, inner_high = bounds(cabin)
    assert inner_high[1] == pytest.approx(low[1])  # no gap and no overlap
    assert (inner_low[[0, 2]] >= low[[0, 2]]).all()
    assert (inner_high[[0, 2]] <= high[[0, 2]]).all()
    assert 1.3 < -inner_low[1] < 3.5 and 3.5 < 2 * half_z < 7 and 1.6 < 2 * half_x < 2.2


@given(seeds, st.floats(6, 20), st.floats(8, 13), st.floats(3.2, 30))
def test_a_house_has_the_size_that_was_asked_for_and_its_roof_is_inside(seed, width, depth, height):
    wall, *roof = solids.building(rng(seed), width, depth, height)
    low, high = bounds(wall)
    np.testing.assert_allclose(high - low, (depth, height, width))
    for part in roof:
        above, below = bounds(part)
        assert below[1] == pytest.approx(-height)
        assert (above[[0, 2]] > low[[0, 2]]).all() and (below[[0, 2]] < high[[0, 2]]).all()


@given(seeds)
def test_posts_on_both_sides_of_the_road_are_mirror_images(seed):
    left, right = (solids.pole(rng(seed), side) for side in (1, -1))
    for one, other in zip(left, right):
        np.testing.assert_allclose(np.multiply(one.center, (-1, 1, 1)), other.center)
        assert one.half == other.half
    reach = max(bounds(part)[1][0] for part in left)
    assert reach >= -min(bounds(part)[0][0] for part in left)


@given(seeds, st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.99))
def test_colors_are_within_their_ranges(seed, saturation, value, hue):
    ranges = [(x, min(1.0, x + 0.1)) for x in (saturation, value, hue)]
    found = colorsys.rgb_to_hsv(*solids.color(rng(seed), *ranges))
    assert ranges[1][0] - 1e-9 <= found[2] <= ranges[1][1] + 1e-9
    if found[2] > 0.01:
        assert ranges[0][0] - 1e-6 <= found[1] <= ranges[0][1] + 1e-6
    if found[1] * found[2] > 0.01 and 0.01 < found[0] < 0.99:
        assert ranges[2][0] - 1e-6 <= found[0] <= ranges[2][1] + 1e-6
