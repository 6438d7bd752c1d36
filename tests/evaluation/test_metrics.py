"""Depth metrics: golden values of the field's evaluation code, and properties of alignments."""

import os
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aquanet_tf import evaluation
from aquanet_tf.evaluation import alignment as evaluation_alignment
from aquanet_tf.evaluation import metrics
from aquanet_tf.evaluation import protocol as evaluation_protocol
from aquanet_tf.evaluation.protocol import Protocol

DEPTHS = hnp.arrays(np.float64, st.integers(3, 60), elements=st.floats(0.5, 79.0))
NONE = Protocol(alignment="none")


@pytest.fixture(scope="module")
def golden():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set: golden metric arrays are not available")
    with np.load(pathlib.Path(root) / "golden" / "f_depth_metrics.npz") as file:
        return dict(file)


def as_row(values):
    return np.array([values[name] for name in metrics.METRICS])


def small_scene(seed=0, shape=(12, 40)):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < 0.7, rng.uniform(2.0, 70.0, shape), 0.0)


def test_golden_plain_errors(golden):
    assert tuple(golden["metric_names"]) == metrics.METRICS
    ours = as_row(metrics.depth_metrics(golden["plain_gt"], golden["plain_pred"]))
    np.testing.assert_allclose(ours, golden["plain_errors"], rtol=1e-12)


def test_golden_resize(golden):
    for small, large in zip(golden["pred_disp_192x640"], golden["pred_disp_375x1242"]):
        ours = evaluation_alignment.resize_bilinear(small, 375, 1242)
        np.testing.assert_allclose(ours, large, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("resized", [False, True])
@pytest.mark.parametrize("split", ["md2_eigen", "md2_eigen_benchmark"])
@pytest.mark.parametrize("alignment", ["median", "none"])
def test_golden_monodepth2(golden, split, alignment, resized):
    original = split == "md2_eigen"
    protocol = Protocol(
        ground_truth="velodyne" if original else "depth",
        crop="garg" if original else "none",
        cap_ground_truth=original,
        alignment=alignment,
    )
    name = split + ("_median" if alignment == "median" else "_nomedian_scale_1over0p07")
    unit = 1.0 if alignment == "median" else 0.07
    source = golden["pred_disp_375x1242" if resized else "pred_disp_192x640"]
    for index, (gt, prediction) in enumerate(zip(golden["gt"], source)):
        row = metrics.evaluate_image(gt, prediction * unit, protocol)
        np.testing.assert_allclose(as_row(row["all"]), golden[name][index], rtol=2e-5)
        assert row["all"]["pixels"] == golden[name + "_npix"][index]
        truth = gt[evaluation_protocol.valid_mask(gt, protocol)]
        assert np.median(truth) == pytest.approx(golden[name + "_median_gt"][index])


@given(DEPTHS)
def test_perfect_prediction_has_no_error(gt):
    values = metrics.depth_metrics(gt, gt)
    assert [values[name] for name in metrics.METRICS] == [0, 0, 0, 0, 1, 1, 1]


@given(DEPTHS, st.floats(0.5, 2.0))
def test_a_common_factor_is_read_off(gt, factor):
    values = metrics.depth_metrics(gt, gt * factor)
    assert values["abs_rel"] == pytest.approx(abs(factor - 1), abs=1e-9)
    assert values["rmse_log"] == pytest.approx(abs(np.log(factor)), abs=1e-9)
    if abs(max(factor, 1 / factor) - 1.25) > 1e-6:
        assert values["a1"] == float(max(factor, 1 / factor) < 1.25)


@given(DEPTHS, st.integers(0, 10**6))
def test_order_of_pixels_is_irrelevant_and_bounds_hold(gt, seed):
    rng = np.random.default_rng(seed)
    prediction = gt * rng.uniform(0.3, 3.0, gt.shape)
    order = rng.permutation(gt.size)
    values = metrics.depth_metrics(gt, prediction)
    shuffled = metrics.depth_metrics(gt[order], prediction[order])
    np.testing.assert_allclose(as_row(values), as_row(shuffled), rtol=1e-9)
    assert 0 <= values["a1"] <= values["a2"] <= values["a3"] <= 1
    assert values["rmse"] ** 2 <= values["sq_rel"] * gt.max() * (1 + 1e-9)


@settings(max_examples=30)
@given(st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_median_alignment_forgives_any_scale(unit, seed):
    gt = small_scene(seed)
    inverse = np.where(gt > 0, unit / np.maximum(gt, 1e-6), unit)
    row = metrics.evaluate_image(gt, inverse, Protocol())
    assert row["all"]["abs_rel"] < 1e-9
    assert row["ratio"] == pytest.approx(unit)


@settings(max_examples=30)
@given(st.floats(1e-2, 1e2), st.floats(-0.01, 0.3), st.integers(0, 1000))
def test_least_squares_forgives_scale_and_shift(scale, shift, seed):
    gt = small_scene(seed)
    inverse = scale * (np.where(gt > 0, 1 / np.maximum(gt, 1e-6), 0.5) + shift)
    row = metrics.evaluate_image(gt, inverse, Protocol(alignment="least_squares"))
    assert row["all"]["abs_rel"] < 1e-6
    assert row["scale"] == pytest.approx(1 / scale, rel=1e-6)
    assert row["shift"] == pytest.approx(-shift, abs=1e-6)


def test_least_squares_of_a_constant_is_the_mean_inverse_depth():
    gt = np.array([[2.0, 4.0, 8.0]])
    protocol = Protocol(alignment="least_squares")
    row = metrics.evaluate_image(gt, np.full((1, 3), 0.1, np.float32), protocol)
    mean = np.mean(1 / gt)
    assert row["scale"] * np.float32(0.1) + row["shift"] == pytest.approx(mean)


def test_no_alignment_and_one_global_ratio():
    gt = small_scene()
    inverse = 1 / np.maximum(gt, 1.0)
    assert metrics.evaluate_image(gt, inverse, NONE)["all"]["rmse"] == pytest.approx(
        np.sqrt(np.mean((gt[gt > 0] - np.maximum(gt[gt > 0], 1)) ** 2)), abs=1e-9
    )
    halved = Protocol(alignment="global_median")
    row = metrics.evaluate_image(gt, inverse, halved, global_ratio=0.5)
    assert row["all"]["abs_rel"] == pytest.approx(0.5)


def test_static_and_moving_share_one_alignment():
    gt = np.full((10, 10), 10.0)
    moving = np.zeros((10, 10), bool)
    moving[:3] = True
    inverse = np.where(moving, 1 / 40.0, 1 / 10.0)  # moving pixels four times too far
    row = metrics.evaluate_image(gt, inverse, Protocol(), moving)
    assert row["static"]["abs_rel"] == 0 and row["static"]["pixels"] == 70
    assert row["moving"]["abs_rel"] == pytest.approx(3.0) and row["moving"]["pixels"] == 30
    assert row["all"]["abs_rel"] == pytest.approx(0.9)
    nothing_moves = metrics.evaluate_image(gt, inverse, Protocol(), moving & False)
    assert nothing_moves["moving"] is None


def test_examples_of_the_docstrings():
    assert evaluation.depth_metrics([2.0, 4.0], [2.0, 5.0])["abs_rel"] == 0.125
    line = evaluation.Protocol(ground_truth="velodyne", crop="garg").line()
    assert line.startswith("ground truth: raw velodyne scans; crop: garg; cap: 0.001..80 m;")


def test_garg_crop_and_cap():
    mask = evaluation_protocol.garg_crop(375, 1242)
    rows, columns = np.where(mask)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (153, 371, 44, 1197)
    gt = np.array([[0.0, 5.0, 90.0, np.nan]])
    assert evaluation_protocol.valid_mask(gt, Protocol()).tolist() == [[False, True, False, False]]
    kept = Protocol(cap_ground_truth=False)
    assert evaluation_protocol.valid_mask(gt, kept).tolist() == [[False, True, True, False]]


def test_prediction_is_clipped_and_zero_is_far():
    protocol = Protocol(alignment="none", max_depth=50)
    depth = evaluation_alignment.aligned_depth(np.array([0.0, -1.0, 1e9, 0.1]), 1.0, 0.0, protocol)
    np.testing.assert_allclose(depth, [50, 50, 1e-3, 10])


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.integers(1, 20))
def test_resize_keeps_constants_and_interior_ramps(height, width, new_height, new_width):
    constant = evaluation_alignment.resize_bilinear(
        np.full((height, width), 3.0), new_height, new_width
    )
    np.testing.assert_allclose(constant, np.full((new_height, new_width), 3.0), rtol=1e-6)
    ramp = np.tile(np.arange(width, dtype=np.float64), (height, 1))
    expected = np.clip((np.arange(new_width) + 0.5) * width / new_width - 0.5, 0, width - 1)
    out = evaluation_alignment.resize_bilinear(ramp, new_height, new_width)
    np.testing.assert_allclose(out, np.tile(expected, (new_height, 1)), atol=1e-5)


def test_resize_agrees_with_tensorflow():
    tf = pytest.importorskip("tensorflow")
    values = np.random.default_rng(0).random((13, 29)).astype(np.float32)
    for size in ((40, 97), (7, 11), (13, 29)):
        theirs = tf.image.resize(values[..., None], size).numpy()[..., 0]
        np.testing.assert_allclose(
            evaluation_alignment.resize_bilinear(values, *size), theirs, atol=2e-6
        )


@pytest.mark.parametrize(
    "gt, prediction",
    [([], []), ([1.0], [1.0, 2.0]), ([[1.0]], [[1.0]]), ([0.0], [1.0]), ([1.0], [np.nan])],
)
def test_bad_vectors_are_refused(gt, prediction):
    with pytest.raises(ValueError, match="depth metrics"):
        metrics.depth_metrics(gt, prediction)


def test_empty_image_and_nan_prediction_are_refused():
    with pytest.raises(ValueError, match="no ground-truth pixel"):
        metrics.evaluate_image(np.zeros((4, 4)), np.ones((4, 4)), NONE)
    with pytest.raises(ValueError, match="NaN"):
        metrics.evaluate_image(np.ones((4, 4)), np.full((4, 4), np.nan), NONE)


@pytest.mark.parametrize(
    "option",
    [{"crop": "eigen"}, {"alignment": "mean"}, {"ground_truth": "sgm"}, {"max_depth": -1.0}],
)
def test_bad_protocol_names_the_flag(option):
    with pytest.raises(ValueError, match="--" + next(iter(option))):
        Protocol(**option)


def test_protocol_line_says_everything():
    line = Protocol(ground_truth="velodyne", crop="garg", alignment="none").line()
    assert all(word in line for word in ("velodyne", "garg", "0.001..80 m", "none", "averaged"))


def test_means_skip_missing_parts():
    bands = [None] * 5
    part = {**dict.fromkeys(metrics.METRICS, 0.2), "pixels": 5, "by_distance": bands}
    other = {**dict.fromkeys(metrics.METRICS, 0.4), "pixels": 7, "by_distance": bands}
    mean = metrics.mean_metrics([part, None, other])
    assert mean["by_distance"] == bands
    assert mean["abs_rel"] == pytest.approx(0.3)
    assert (mean["images"], mean["pixels"]) == (2, 12)
    assert metrics.mean_metrics([None]) is None
