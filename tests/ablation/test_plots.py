"""Figures with axes: they are written, and their levels (Eq. 4) are those of training."""

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.ablation import plots
from aquanet_tf.layers import quantization


@pytest.mark.parametrize("beta", [0.4, 1.0, 2.5])
def test_levels_are_those_of_training(beta):
    expected = quantization.inverse_depth_levels(np.float64([beta]), 9, 0.005, 0.3).numpy()
    np.testing.assert_allclose(plots.levels(beta, 9, 0.005, 0.3), expected, rtol=1e-6)


def test_quantization(tmp_path):
    random = np.random.default_rng(1)
    probability = random.uniform(size=(16, 40, 5))
    probability /= probability.sum(axis=-1, keepdims=True)
    shown = plots.Quantization(
        random.integers(0, 256, (16, 40, 3), np.uint8),
        random.uniform(0.01, 0.2, (16, 40)),
        random.uniform(0.5, 2.0, (16, 40)),
        probability,
        inverse_depth_min=0.005,
        inverse_depth_max=0.3,
        beta_max=2.5,
    )
    plots.quantization(tmp_path / "q.png", shown)
    with Image.open(tmp_path / "q.png") as picture:
        assert picture.width > 1000 and np.asarray(picture.convert("L")).std() > 10


def test_mask_curves(tmp_path):
    curve = {
        "static_lost": [1.0, 0.5, 0.0],
        "recall": [1.0, 0.8, 0.0],
        "precision": [0.1, 0.3, None],
    }
    point = {"recall": 0.8, "static_lost": 0.5, "precision": None}
    plots.mask_curves(tmp_path / "m.png", {"a": [curve, curve]}, {"a": [point]}, "title")
    assert (tmp_path / "m.png").stat().st_size > 5000
