"""Pictures: fixed ranges, honest blanks, outlines that stay inside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.media import color
from aquanet_tf.media import sheet as media_sheet


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


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_outline_paints_only_the_inner_border(seed, thickness):
    rng = np.random.default_rng(seed)
    mask = np.zeros((20, 30), bool)
    y, x = rng.integers(0, 15, 2)
    mask[y : y + rng.integers(1, 9), x : x + rng.integers(1, 9)] = True
    image = rng.integers(0, 255, (20, 30, 3)).astype(np.uint8)
    before = image.copy()
    out = media_sheet.outline(image, mask, (0, 255, 1), thickness)
    np.testing.assert_array_equal(image, before)
    changed = (out != image).any(-1)
    assert not (changed & ~mask).any() and changed.any()
    height, width = np.ptp(np.argwhere(mask), axis=0) + 1
    hole = max(height - 2 * thickness, 0) * max(width - 2 * thickness, 0)
    assert (out[mask] == (0, 255, 1)).all(-1).sum() == height * width - hole


def test_grow_spreads_points_and_the_smallest_wins():
    values, valid = np.zeros((7, 9)), np.zeros((7, 9), bool)
    values[3, 3], values[3, 5] = 2.0, 1.0
    valid[3, 3] = valid[3, 5] = True
    grown, shown = media_sheet.grow(values, valid, 1)
    assert shown.sum() == 15 and grown[3, 2] == 2.0 and grown[3, 4] == 1.0
    np.testing.assert_array_equal(media_sheet.grow(values, valid, 0)[1], valid)


def test_grid_holds_every_picture_unchanged():
    rng = np.random.default_rng(0)
    rows = [[rng.integers(0, 255, (20, 50, 3)).astype(np.uint8) for _ in range(3)] for _ in "ab"]
    sheet = media_sheet.grid(rows, labels=["input", "depth", "error"], gap=4)
    head = sheet.shape[0] - 2 * 24
    np.testing.assert_array_equal(sheet[head : head + 20, 4:54], rows[0][0])
    np.testing.assert_array_equal(sheet[head + 24 : head + 44, 112:162], rows[1][2])
    named = media_sheet.grid(rows, gap=4, names=["near", "far away"])
    np.testing.assert_array_equal(named[:, -166:], media_sheet.grid(rows, gap=4))
    doubled = media_sheet.grid(rows, min_width=100)
    assert doubled.shape[1] == 3 * 106 + 6
    np.testing.assert_array_equal(doubled[6:46:2, 6:106:2], rows[0][0])
