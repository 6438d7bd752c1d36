"""Thumbnails keep the aspect and the mean of an image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_prep.dataset import thumbnails


@given(st.integers(1, 400), st.integers(1, 900), st.integers(1, 400))
def test_the_aspect_is_kept(height, width, wanted):
    found, rows = thumbnails.size_at(wanted, (height, width, 3))
    assert found == wanted and rows >= 1
    assert rows == 1 or abs(rows - height * wanted / width) <= 0.5


@pytest.mark.parametrize("width, expected", [(320, 160), (80, 80)])
def test_gray_is_reduced_but_never_enlarged(width, expected):
    image = Image.fromarray(np.random.RandomState(0).randint(0, 256, (96, width, 3), np.uint8))
    small = thumbnails.gray(image)
    assert small.dtype == np.uint8 and small.shape == (96 * expected // width, expected)
    assert small.mean() == pytest.approx(np.asarray(image.convert("L")).mean(), abs=0.6)
    assert thumbnails.gray(image, (40, 20)).shape == (20, 40)
