"""Pictures: fixed ranges and honest blanks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.media import color


def test_equal_values_have_equal_colors_whatever_is_around():
    one = color.color_inverse_depth(np.array([[0.1, 0.0]]), 0.0, 0.3)
    two = color.color_inverse_depth(np.array([[0.1, 0.3]]), 0.0, 0.3)
    np.testing.assert_array_equal(one[0, 0], two[0, 0])
    assert one.dtype == np.uint8 and one.shape == (1, 2, 3)


@settings(max_examples=40)
@given(st.floats(-5, 5), st.floats(0.01, 5))
def test_near_is_brighter_and_ends_saturate(low, span):
    values = np.linspace(low - span, low + 2 * span, 40)[None]
    picture = color.color_inverse_depth(values, low, low + span)
    light = picture.astype(float) @ (0.299, 0.587, 0.114)
    assert (np.diff(light[0]) >= -1.0).all() and light[0, -1] > light[0, 0] + 150
    np.testing.assert_array_equal(picture[0, 0], picture[0, 5])
    np.testing.assert_array_equal(picture[0, -1], picture[0, -5])


def test_missing_values_are_the_neutral_gray():
    values = np.array([[0.2, np.nan, 0.2]])
    picture = color.color_error(values, 0.5, valid=np.array([[True, True, False]]))
    assert tuple(picture[0, 1]) == tuple(picture[0, 2]) == color.NOTHING
    assert tuple(picture[0, 0]) != color.NOTHING


def test_beta_one_is_the_neutral_middle():
    picture = color.color_beta(np.array([[1 / 2.5, 1.0, 2.5]]), 2.5).astype(int)
    assert np.ptp(picture[0, 1]) < 10  # gray
    assert picture[0, 0, 2] > picture[0, 0, 0] and picture[0, 2, 0] > picture[0, 2, 2]


def test_empty_range_is_refused():
    with pytest.raises(ValueError, match="range"):
        color.color_inverse_depth(np.zeros((2, 2)), 0.3, 0.3)


def test_robust_range_covers_all_maps_and_is_never_empty():
    maps = [np.linspace(0, 1, 1000), np.linspace(2, 3, 1000), np.full(9, np.nan)]
    low, high = color.robust_range(maps)
    assert low == pytest.approx(0.02, abs=1e-3) and high == pytest.approx(2.98, abs=1e-3)
    for constant in (0.0, 0.2):
        low, high = color.robust_range([np.full((3, 3), constant)])
        assert low < high
    assert color.robust_range([np.full(3, np.nan)]) == (0.0, 1.0)
