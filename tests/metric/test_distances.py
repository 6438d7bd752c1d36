"""Meters per unit from the meters traveled between frames."""

import numpy as np
import pytest

from aquanet_tf.metric import distances

UNIT = 2.5
rng = np.random.default_rng(3)
STEPS = rng.uniform(0.4, 1.6, 12)
PLACES = np.concatenate([[0.0], np.cumsum(STEPS)])


def frame(number):
    """An "image" that holds nothing but its place on the road, meters."""
    return np.full((1, 1, 3), PLACES[number])


def triplets(known=(True, True)):
    for i in range(1, len(STEPS)):
        meters = np.where(known, (STEPS[i - 1], STEPS[i]), -1.0)
        yield (frame(i - 1), frame(i), frame(i + 1)), tuple(meters)


def motion(pair, unit=UNIT):
    """T_{b -> a} of two frames of a camera that turns while it drives along z."""
    a, b = (float(image[0, 0, 0]) for image in pair)
    angle = 0.1 * (a - b)
    found = np.eye(4)
    found[:3, :3] = [
        [np.cos(angle), 0, np.sin(angle)],
        [0, 1, 0],
        [-np.sin(angle), 0, np.cos(angle)],
    ]
    found[:3, 3] = found[:3, :3] @ [0, 0, (b - a) / unit]
    return found


@pytest.mark.parametrize("known", [(True, True), (True, False), (False, True)])
def test_exact_motion_gives_the_unit_whichever_reference_is_known(known):
    found = distances.measure(triplets(known), motion)
    assert found["metres_per_unit"] == pytest.approx(UNIT)
    assert found["spread"] < 1e-9 and found["used"] == found["frames"] == len(STEPS) - 1


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_the_scale_grows_with_the_distances_and_falls_with_the_motion(factor):
    stretched = ((images, tuple(factor * np.array(m))) for images, m in triplets())
    assert distances.measure(stretched, motion)["metres_per_unit"] == pytest.approx(factor * UNIT)
    found = distances.measure(triplets(), lambda pair: motion(pair, UNIT * factor))
    assert found["metres_per_unit"] == pytest.approx(factor * UNIT)


def test_inverse_depth_that_is_larger_at_the_working_height_makes_the_unit_larger():
    found = distances.measure(triplets(), motion, growth=lambda target: 1.0 + target[0, 0, 0] / 50)
    assert found["metres_per_unit"] == pytest.approx(UNIT * np.median(1.0 + PLACES[1:-1] / 50))


def test_what_the_ego_motion_of_single_triplets_errs_by_is_the_spread():
    errors = np.random.default_rng(0).normal(1.0, 0.05, 2 * len(STEPS)).tolist()

    def noisy(pair):
        found = motion(pair)
        found[:3, 3] *= errors.pop()
        return found

    found = distances.measure(triplets(), noisy)
    assert found["metres_per_unit"] == pytest.approx(UNIT, rel=0.05)
    assert 0.005 < found["spread"] < 0.1


def test_triplets_that_say_nothing_are_left_out_and_counted():
    standing = ((frame(0), frame(0), frame(0)), (0.0, 0.05))
    unmoved = ((frame(0), frame(0), frame(0)), (1.0, 1.0))
    unknown = ((frame(0), frame(1), frame(2)), (-1.0, -1.0))
    found = distances.measure([*triplets(), standing, unmoved, unknown], motion, without=3)
    assert found["metres_per_unit"] == pytest.approx(UNIT)
    left_out = {distances.SHORT: 1, distances.STILL: 1, distances.UNKNOWN: 4}
    assert found["left_out"] == left_out
    assert (found["used"], found["frames"]) == (len(STEPS) - 1, len(STEPS) - 1 + 6)


def test_missing_distances_are_no_evidence_against_the_others():
    found = distances.measure(triplets(), motion, without=1000)
    assert found["metres_per_unit"] == pytest.approx(UNIT)
    assert found["left_out"] == {distances.UNKNOWN: 1000}
    halted = [((frame(0), frame(0), frame(0)), (0.0, 0.0))] * 1000
    with pytest.raises(ValueError, match=r"less than 0.1 m traveled \(1000\)"):
        distances.measure([*triplets(), *halted], motion)


def test_motion_that_does_not_fit_gives_no_number():
    constant = np.eye(4)
    constant[2, 3] = 1.0
    many = [(images, (10.0**i, 10.0**i)) for i, (images, _) in enumerate(triplets())]
    with pytest.raises(ValueError, match="distance traveled to ego-motion.*disagrees"):
        distances.measure(many, lambda pair: constant)
