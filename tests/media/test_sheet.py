"""Contact sheets: outlines stay inside, pictures unchanged, near points in front of far ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.media import sheet as media_sheet


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


def test_a_row_may_be_shorter_than_the_others():
    """As where a frame has no motion mask: its place stays dark."""
    image = np.full((20, 50, 3), 200, np.uint8)
    sheet = media_sheet.grid([[image, image], [image]], gap=4)
    whole = media_sheet.grid([[image, image], [image, image]], gap=4)
    assert sheet.shape == whole.shape
    changed = np.argwhere((sheet != whole).any(-1))
    np.testing.assert_array_equal(np.ptp(changed, axis=0) + 1, (20, 50))
    assert (sheet[tuple(changed.T)] < 40).all()


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(0, 3))
def test_grown_points_are_those_of_the_square_around_each_pixel(seed, radius):
    rng = np.random.default_rng(seed)
    values, valid = rng.uniform(1, 9, (6, 8)), rng.random((6, 8)) < 0.2
    grown, shown = media_sheet.grow(values, valid, radius)
    for y, x in np.ndindex(6, 8):
        rows, columns = (slice(max(0, at - radius), at + radius + 1) for at in (y, x))
        around = values[rows, columns][valid[rows, columns]]
        assert shown[y, x] == bool(around.size)
        assert grown[y, x] == (around.min() if around.size else 0.0)


def test_a_covered_pixel_stands_out_and_a_kept_one_is_gray():
    """Brightness stays visible under the color, so that one sees what is covered."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (9, 12, 3)).astype(np.uint8)
    keep = rng.random((9, 12)) < 0.5
    shown = media_sheet.masked(image, keep, color=(255, 0, 0)).astype(int)
    gray = image.mean(-1)
    assert (np.ptp(shown[keep], axis=-1) == 0).all()
    np.testing.assert_allclose(shown[keep][:, 0], gray[keep], atol=0.51)
    assert (shown[~keep][:, 0] - shown[~keep][:, 1] > 150).all()
    order = np.argsort(gray[~keep])
    assert (np.diff(shown[~keep].sum(-1)[order]) >= -3).all()
