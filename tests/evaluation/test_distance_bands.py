"""Errors by distance: each band has its pixels; pooled images give the same as one image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.evaluation import distance_bands, metrics
from aquanet_tf.evaluation.protocol import Protocol


def test_each_band_has_its_pixels():
    gt = np.array([1.0, 4.0, 5.0, 39.0, 40.0, 200.0])
    bands = distance_bands.measure(gt, gt * np.array([2.0, 2.0, 0.5, 1.0, 4.0, 1.0]))
    assert [band and band["pixels"] for band in bands] == [2, 1, None, 1, 2]
    assert [band and band["abs_rel"] for band in bands] == [1.0, 0.5, None, 0.0, 1.5]
    assert [band and band["factor"] for band in bands] == pytest.approx([2.0, 0.5, None, 1.0, 2.0])


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_pooled_images_are_one_image(seed, images):
    rng = np.random.default_rng(seed)
    gts = [rng.uniform(1.0, 80.0, rng.integers(1, 40)) for _ in range(images)]
    predictions = [gt * rng.uniform(0.3, 3.0, gt.size) for gt in gts]
    got = distance_bands.pooled(
        [distance_bands.measure(gt, prediction) for gt, prediction in zip(gts, predictions)]
    )
    expected = distance_bands.measure(np.concatenate(gts), np.concatenate(predictions))
    for one, other in zip(got, expected):
        assert one == (other and pytest.approx(other))


def test_they_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    gt = rng.uniform(1.0, 70.0, (20, 30))
    row = metrics.evaluate_image(gt, 1.0 / rng.uniform(1.0, 70.0, (20, 30)), Protocol())
    whole = row["all"]
    bands = [band for band in whole["by_distance"] if band]
    assert sum(band["pixels"] for band in bands) == whole["pixels"]
    errors, pixels = ([band[name] for band in bands] for name in ("abs_rel", "pixels"))
    assert np.average(errors, weights=pixels) == pytest.approx(whole["abs_rel"])


def test_the_table_names_bands_and_leaves_empty_ones_out():
    mean = {"by_distance": distance_bands.measure(np.array([2.0]), np.array([3.0]))}
    head, names, row = distance_bands.table({"network all": mean}).splitlines()
    assert "times too far" in head and names.split("m")[0].strip() == "0-5"
    assert row.split() == ["network", "all", "0.500", "x1.50", "-", "-", "-", "-"]
