"""Trajectory errors: invariant to what they align, and right where the answer is known."""

import numpy as np
import pytest

from aquanet_tf.trajectory import errors, poses
from tests.trajectory.test_poses import rotation, walk


def scaled(path, factor):
    return poses.matrices(path[:, :3, :3], factor * path[:, :3, 3])


def test_a_scaled_path_has_no_error_in_snippets():
    path = walk(12)
    assert errors.snippets(path, scaled(path, 0.3))["mean"] < 1e-12
    assert errors.snippets(path, path)["snippets"] == 8


def test_the_error_of_a_snippet_is_that_of_the_protocol():
    """Truth on a line along z, the estimate leaves it sideways by x = 1 in the last frame. Scale
    and error follow by hand: scale = sum(true * other) / sum(other^2)."""
    truth, estimate = poses.forward(5), poses.forward(5)
    estimate[4, 0, 3] = 1.0
    z = np.arange(5.0)
    scale = np.sum(z * z) / (np.sum(z * z) + 1)
    expected = np.sqrt(np.sum((scale * z - z) ** 2) + scale**2) / 5
    assert errors.snippets(truth, estimate)["mean"] == pytest.approx(expected)


def test_an_estimate_that_stands_still_has_a_finite_error():
    assert np.isfinite(errors.snippets(poses.forward(6), np.tile(np.eye(4), (6, 1, 1)))["mean"])


def test_alignments_forgive_what_they_align():
    pytest.importorskip("evo")
    path = walk(30)
    # As from_first removes a common pose, a turn of the positions alone is left.
    turned = poses.matrices(path[:, :3, :3], 0.5 * path[:, :3, 3] @ rotation([1, 0, 1], 0.4).T)
    assert errors.whole(path, turned, "sim3")["rmse"] < 1e-9
    assert errors.whole(path, turned, "scale")["rmse"] > 1e-2
    assert errors.whole(path, scaled(path, 3.0), "scale")["rmse"] < 1e-9
    assert errors.whole(path, scaled(path, 3.0), "none")["rmse"] > 1e-2
    assert errors.whole(path, path, "none")["max"] < 1e-9


@pytest.mark.parametrize("alignment", errors.ALIGNMENTS)
def test_a_straight_drive_is_measured_too(alignment):
    """Sim(3) leaves the rotation about a line open."""
    pytest.importorskip("evo")
    found = errors.whole(poses.forward(9), poses.forward(9), alignment)
    assert found["max"] < 1e-9
    assert found["alignment"] == alignment


@pytest.mark.parametrize("degrees", [20, 90, 150])
@pytest.mark.parametrize("radius", [50.0, 123.4])
def test_a_straight_estimate_of_a_turn_is_aligned_as_any_other(degrees, radius):
    """Whether evo calls such a path degenerate depends on rounding; the error must not."""
    pytest.importorskip("evo")
    angles = np.linspace(0, np.radians(degrees), 100)
    truth = poses.forward(100)
    truth[:, 0, 3], truth[:, 2, 3] = radius * (1 - np.cos(angles)), radius * np.sin(angles)
    found = errors.whole(truth, poses.forward(100), "sim3")
    assert found["alignment"] == "sim3"
    for seed in range(3):
        noisy = poses.forward(100)
        noisy[:, :3, 3] += np.random.default_rng(seed).normal(0, 1e-6, (100, 3))
        assert errors.whole(truth, noisy, "sim3")["rmse"] == pytest.approx(found["rmse"], rel=1e-4)


def test_an_estimate_that_stands_still_is_aligned_to_the_middle():
    pytest.importorskip("evo")
    found = errors.whole(poses.forward(5), np.tile(np.eye(4), (5, 1, 1)), "sim3")
    assert found["max"] == pytest.approx(2.0)


def test_paths_of_other_lengths_and_short_ones_are_refused():
    with pytest.raises(ValueError, match="--gt has 6 poses, the input 5 frames"):
        errors.snippets(poses.forward(6), poses.forward(5))
    with pytest.raises(ValueError, match="at least 5"):
        errors.check(poses.forward(4), 4)
