"""The protocol: the published crop at any size, which pixels count, a line that says everything."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aquanet_tf.evaluation import protocol as evaluation_protocol
from aquanet_tf.evaluation.protocol import Protocol

depths = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    elements=st.floats(0, 100, width=32) | st.sampled_from([0.0, 80.0, np.nan, np.inf, -1.0]),
)
protocols = st.builds(
    Protocol,
    crop=st.sampled_from(evaluation_protocol.CROPS),
    min_depth=st.sampled_from([1e-3, 1.0]),
    max_depth=st.sampled_from([50.0, 80.0]),
    cap_ground_truth=st.booleans(),
)
# Another value than the default for every field.
OTHERS = {
    "ground_truth": "velodyne",
    "crop": "garg",
    "min_depth": 0.5,
    "max_depth": 50.0,
    "alignment": "none",
    "cap_ground_truth": False,
    "static_only": True,
    "post_processing": "flip",
}


@settings(max_examples=50)
@given(st.integers(1, 400), st.integers(1, 1300))
def test_the_crop_is_that_of_the_published_evaluations(height, width):
    """As in Monodepth2's evaluate_depth.py: shares of the size, cut to whole pixels."""
    mask = evaluation_protocol.garg_crop(height, width)
    crop = np.array(
        [0.40810811 * height, 0.99189189 * height, 0.03594771 * width, 0.96405229 * width]
    ).astype(np.int32)
    expected = np.zeros((height, width))
    expected[crop[0] : crop[1], crop[2] : crop[3]] = 1
    np.testing.assert_array_equal(mask, expected.astype(bool))
    assert mask.dtype == bool


@given(depths, protocols)
def test_a_pixel_counts_by_its_own_depth_and_place(gt, protocol):
    mask = evaluation_protocol.valid_mask(gt, protocol)
    crop = evaluation_protocol.garg_crop(*gt.shape)
    for place, depth in np.ndenumerate(gt):
        counts = bool(np.isfinite(depth)) and depth > 0
        if protocol.cap_ground_truth:
            counts = counts and protocol.min_depth < depth < protocol.max_depth
        if protocol.crop == "garg":
            counts = counts and crop[place]
        assert mask[place] == counts


@given(depths, protocols)
def test_a_stricter_protocol_counts_no_pixel_more(gt, protocol):
    mask = evaluation_protocol.valid_mask(gt, protocol)
    for name, value in (("crop", "garg"), ("cap_ground_truth", True), ("max_depth", 20.0)):
        stricter = dataclasses.replace(protocol, **{name: value})
        assert not (evaluation_protocol.valid_mask(gt, stricter) & ~mask).any(), name


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Protocol)])
def test_no_two_protocols_have_the_same_line(name):
    """Whatever differs between two measurements is printed with their numbers."""
    other = Protocol(**{name: OTHERS[name]})
    assert other.line() != Protocol().line() and "\n" not in other.line()


def test_every_alignment_and_post_processing_has_words_of_its_own():
    for name in ("alignment", "post_processing", "ground_truth"):
        choices = getattr(evaluation_protocol, f"{name.upper()}S")
        assert len({Protocol(**{name: choice}).line() for choice in choices}) == len(choices)


def test_a_protocol_survives_its_result_file():
    protocol = Protocol(**OTHERS)
    assert Protocol(**json.loads(json.dumps(dataclasses.asdict(protocol)))) == protocol


@pytest.mark.parametrize("low, high", [(0.0, 80.0), (80.0, 80.0), (1.0, np.inf), (1.0, np.nan)])
def test_the_range_of_depth_is_finite_and_not_empty(low, high):
    with pytest.raises(ValueError, match="--max_depth"):
        Protocol(min_depth=low, max_depth=high)
