"""Alignments: what they forgive, that they are the best of their kind, and the range of depth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.evaluation import alignment, protocol

seeds, factors = st.integers(0, 10**6), st.floats(1e-3, 1e3)


def pair(seed):
    """Ground truth [n] in meters, and inverse depth that is not proportional to its inverse."""
    rng = np.random.default_rng(seed)
    gt = rng.uniform(2.0, 70.0, rng.integers(3, 50))
    return gt, 0.3 / gt * rng.uniform(0.7, 1.4, gt.size) + 0.01


@given(seeds, factors, factors)
def test_the_median_ratio_takes_its_unit_from_both_sides(seed, meters, unit):
    gt, inverse = pair(seed)
    ratio = alignment.median_ratio(gt, inverse)
    found = alignment.median_ratio(meters * gt, unit * inverse)
    assert found == pytest.approx(meters * unit * ratio)


@given(seeds)
def test_after_the_median_alignment_the_medians_agree(seed):
    """Of depth, not of inverse depth, and without a shift."""
    gt, inverse = pair(seed)
    scale, shift = alignment.fit_alignment(gt, inverse, "median")
    assert shift == 0.0
    assert np.median(1 / (scale * inverse)) == pytest.approx(np.median(gt))


@pytest.mark.parametrize("name", ["median", "least_squares"])
@given(seed=seeds, unit=factors)
def test_aligned_depth_does_not_depend_on_the_unit_of_the_network(name, seed, unit):
    gt, inverse = pair(seed)
    whole = protocol.Protocol(max_depth=1e4, alignment=name)
    depths = [
        alignment.aligned_depth(x, *alignment.fit_alignment(gt, x, name), whole)
        for x in (inverse, unit * inverse)
    ]
    np.testing.assert_allclose(*depths, rtol=1e-6)


@given(seeds, factors, st.floats(-0.5, 0.5))
def test_least_squares_finds_the_scale_and_the_shift(seed, scale, shift):
    gt, _ = pair(seed)
    inverse = (1 / gt - shift) / scale
    found = alignment.fit_alignment(gt, inverse, "least_squares")
    assert found == (pytest.approx(scale, rel=1e-6), pytest.approx(shift, abs=1e-8))


@given(seeds, st.floats(-0.1, 0.1), st.floats(-0.01, 0.01))
def test_no_other_line_is_nearer_than_that_of_least_squares(seed, more, higher):
    gt, inverse = pair(seed)
    scale, shift = alignment.fit_alignment(gt, inverse, "least_squares")

    def miss(scale, shift):
        return np.sum((scale * inverse + shift - 1 / gt) ** 2)

    assert miss(scale, shift) <= miss(scale + more, shift + higher) + 1e-15


def test_one_ratio_for_all_images_is_taken_as_it_is_and_none_is_meters():
    gt, inverse = pair(0)
    scale, shift = alignment.fit_alignment(gt, inverse, "global_median", global_ratio=4.0)
    whole = protocol.Protocol(max_depth=1e4)
    depth = alignment.aligned_depth(inverse, scale, shift, whole)
    np.testing.assert_allclose(depth, 4.0 / inverse)
    assert alignment.fit_alignment(gt, inverse, "none", global_ratio=4.0) == (1.0, 0.0)


@settings(max_examples=40)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9), factors, st.floats(-1, 1))
def test_depth_stays_in_its_range_and_larger_inverse_depth_is_nearer(values, scale, shift):
    used = protocol.Protocol(min_depth=0.5, max_depth=60.0)
    depth = alignment.aligned_depth(np.sort(values), scale, shift, used)
    assert depth.min() >= 0.5 and depth.max() <= 60.0
    assert (np.diff(depth) <= 0).all()


def test_an_inverse_depth_of_zero_is_far_but_not_infinite():
    assert np.isfinite(alignment.median_depth(np.zeros(5)))
    assert alignment.median_depth(np.array([0.0, 0.1, 0.2])) == pytest.approx(10.0)
