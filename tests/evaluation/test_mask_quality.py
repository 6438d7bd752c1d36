"""Mask quality: compared with direct counting on random masks, and with examples by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf import files
from aquanet_tf.evaluation import mask_quality


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_numbers_are_those_of_the_masks_themselves(seed, images):
    rng = np.random.default_rng(seed)
    thresholds = np.sort(rng.choice(20, 5, replace=False)) / 20.0
    curve = mask_quality.MaskCurve(thresholds)
    scores = rng.integers(0, 21, (images, 6, 7)) / 20.0  # many ties with the thresholds
    moving = rng.random((images, 6, 7)) < 0.3
    moving[0, 0, :2] = True, False
    for score, mask in zip(scores, moving):
        curve.add(score, mask, np.ones_like(score))
    got = curve.curve()
    for i, threshold in enumerate(thresholds):
        flagged = scores >= threshold
        both = (flagged & moving).sum()
        assert got["recall"][i] == pytest.approx(both / moving.sum())
        assert got["iou"][i] == pytest.approx(both / (flagged | moving).sum())
        assert got["static_lost"][i] == pytest.approx((flagged & ~moving).sum() / (~moving).sum())
        if flagged.any():
            assert got["precision"][i] == pytest.approx(both / flagged.sum())
        else:
            assert got["precision"][i] is None


def test_a_perfect_mask_and_its_summary(tmp_path):
    moving = np.zeros((4, 5), bool)
    moving[1:3, 2:4] = True
    curve = mask_quality.MaskCurve([0.01, 0.03, 0.5])
    curve.add(np.where(moving, 0.2, 0.0), moving, np.full(moving.shape, 7.0))
    result = curve.summary(0.03)
    assert (result["precision"], result["recall"], result["iou"]) == (1, 1, 1)
    assert result["static_lost"] == 0 and result["threshold"] == 0.03
    assert result["recall_at_static_lost"]["0.1"] == 1
    assert (result["images"], result["static_pixels"], result["moving_pixels"]) == (1, 16, 4)
    files.write(tmp_path / "a.json", result)
    assert files.read(tmp_path / "a.json") == result
    text = mask_quality.table({"spimo": result})
    assert "recall@0.1" in text and text.count("1.000") >= 3


def test_recall_at_a_given_loss_lies_between_thresholds():
    score = np.arange(10.0).reshape(1, 10)
    moving = score >= 5
    curve = mask_quality.MaskCurve([0.0, 4.0, 6.0])
    curve.add(score, moving, np.ones_like(score))
    # Lost 0, 0.2, 1 at recall 0.8, 1, 1.
    at = curve.summary(4.0)["recall_at_static_lost"]
    assert at["0.1"] == pytest.approx(0.9) and at["0.2"] == pytest.approx(1.0)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="ascending"):
        mask_quality.MaskCurve([1.0, 0.0])
    curve = mask_quality.MaskCurve([0.0])
    flat = np.zeros((2, 3))
    with pytest.raises(ValueError, match="motion mask .* differ in shape"):
        curve.add(flat, np.zeros((3, 2), bool), flat)
    with pytest.raises(ValueError, match="depth .* differ in shape"):
        curve.add(flat, flat > 0, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="NaN"):
        curve.add(flat + np.nan, flat > 0, flat)


def test_by_distance_counts_what_has_depth():
    curve = mask_quality.MaskCurve([0.5])
    moving = np.array([[True, True, False, False, False, True]])
    score = np.array([[1.0, 0.0, 1.0, 0.0, 0.0, 1.0]])
    curve.add(score, moving, np.array([[3.0, 4.9, 5.0, 9.0, 50.0, 0.0]]))
    result = curve.summary(0.5)
    assert result["by_distance"] == [
        {"recall": 0.5, "static_lost": None},
        {"recall": None, "static_lost": 0.5},
        {"recall": None, "static_lost": None},
        {"recall": None, "static_lost": None},
        {"recall": None, "static_lost": 0.0},
    ]
    assert result["recall"] == pytest.approx(2 / 3)  # with the pixel of unknown depth
    text = mask_quality.table({"spimo": result}).splitlines()
    assert text[-2].split() == "0-5 m 5-10 m 10-20 m 20-40 m 40+ m".split()
    assert text[-1].replace(" / ", "/").split()[1:] == [
        "0.500/-",
        "-/0.500",
        "-/-",
        "-/-",
        "-/0.000",
    ]
