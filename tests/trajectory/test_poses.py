"""Poses from motions, and quaternions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.trajectory import poses


def rotation(axis, angle):
    """Rodrigues' formula."""
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def walk(count, seed=0):
    """Random poses, the first at the origin."""
    rng = np.random.default_rng(seed)
    turns = np.stack([rotation(rng.normal(size=3), rng.normal() / 9) for _ in range(count - 1)])
    return poses.chain(poses.matrices(turns, rng.normal(size=(count - 1, 3))))


def test_a_chain_of_the_motions_between_poses_gives_the_poses():
    path = walk(12)
    motions = np.linalg.inv(path[:-1]) @ path[1:]  # T_{i+1 -> i} = P_i^-1 P_{i+1}
    np.testing.assert_allclose(poses.chain(motions), path, atol=1e-12)


def test_a_motion_forward_and_a_turn_to_the_right_end_on_the_right():
    # Camera i+1 stands one unit ahead of camera i and looks 90 degrees to the right of it.
    step = poses.matrices(rotation([0, 1, 0], np.pi / 2), np.array([0.0, 0.0, 1.0]))
    path = poses.chain(np.stack([step, step]))
    np.testing.assert_allclose(path[:, :3, 3], [[0, 0, 0], [0, 0, 1], [1, 0, 1]], atol=1e-12)


def test_from_first_starts_at_the_origin_and_keeps_lengths():
    path = rotation([1, 2, 3], 1.0) @ walk(9)[:, :3, :3]
    moved = poses.matrices(path, walk(9)[:, :3, 3] + 5)
    again = poses.from_first(moved)
    np.testing.assert_allclose(again[0], np.eye(4), atol=1e-12)
    assert poses.length(again) == pytest.approx(poses.length(moved))


def test_the_baseline_goes_straight_ahead():
    np.testing.assert_array_equal(poses.forward(3)[:, :3, 3], [[0, 0, 0], [0, 0, 1], [0, 0, 2]])
    assert poses.length(poses.forward(5)) == 4


@settings(deadline=None, max_examples=50)
@given(st.tuples(*3 * [st.floats(-1, 1)]), st.floats(-np.pi, np.pi))
def test_quaternions_are_axis_and_half_angle(axis, angle):
    axis = np.asarray(axis) + [0, 0, 1e-3]
    if np.linalg.norm(axis) < 1e-4:
        return
    (found,) = poses.quaternions(rotation(axis, angle)[None])
    unit = axis / np.linalg.norm(axis)
    expected = np.append(np.sin(angle / 2) * unit, np.cos(angle / 2))
    assert min(np.abs(found - expected).max(), np.abs(found + expected).max()) < 1e-6
    assert found[3] >= 0 and np.linalg.norm(found) == pytest.approx(1)
