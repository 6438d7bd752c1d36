"""Textures: exact stripe filters, noise with energy at every scale, prefiltering."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.street.render.texture import Ripmap, band, fractal_tile, hashed, pulses


@pytest.fixture(scope="module")
def tile():
    return fractal_tile(np.random.default_rng(3))


def numeric(indicator, x, width):
    return indicator(x + (np.arange(20000) + 0.5) / 20000 * width - 0.5 * width).mean()


@given(
    x=st.floats(-30, 30), period=st.floats(0.2, 9), duty=st.floats(0.05, 0.95),
    width=st.floats(0.01, 20),
)  # fmt: skip
def test_pulses_are_the_exact_average_of_stripes(x, period, duty, width):
    expected = numeric(lambda t: np.mod(t / period, 1.0) < duty, x, width)
    assert pulses(x, period, duty, width) == pytest.approx(expected, abs=2e-2)


@given(x=st.floats(-5, 5), low=st.floats(-5, 5), size=st.floats(0.1, 4), width=st.floats(0.01, 9))
def test_band_is_the_exact_average_of_a_strip(x, low, size, width):
    expected = numeric(lambda t: (t >= low) & (t < low + size), x, width)
    assert band(x, low, low + size, width) == pytest.approx(expected, abs=1e-3)


def test_every_octave_holds_energy(tile):
    power = np.abs(np.fft.fft2(tile[..., 0])) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(len(tile)) * len(tile)] * 2))
    octaves = [power[(frequency >= 2**k) & (frequency < 2 ** (k + 1))].sum() for k in range(1, 8)]
    assert max(octaves) < 2.5 * min(octaves)


def test_wide_footprints_average_and_each_axis_on_its_own(tile):
    ripmap = Ripmap(tile)
    rng = np.random.default_rng(0)
    u, v = rng.uniform(0, 512, (2, 4000))

    def noise(width_u, width_v):
        return ripmap.sample(u, v, np.full(4000, width_u), np.full(4000, width_v), 1.0)

    sharp, across, both = (noise(*w).std() for w in ((1, 1), (32, 1), (64, 64)))
    assert sharp > across > both > 0.1 * sharp
    whole = np.arange(512) + 0.5
    rows = np.full(512, 40.5)
    ones = np.ones(512)
    np.testing.assert_allclose(
        ripmap.sample(whole, rows, ones, ones, 1.0), tile[40].T, rtol=0, atol=1e-5
    )


def test_noise_repeats_only_after_the_tile_and_varies_smoothly(tile):
    ripmap = Ripmap(tile)
    u = np.linspace(-700, 700, 999)
    ones = np.ones(999)
    here = ripmap.sample(u, u * 0.3, ones, ones, 1.0)
    there = ripmap.sample(u + 512, u * 0.3 - 1024, ones, ones, 1.0)
    np.testing.assert_allclose(here, there, atol=1e-3)
    close = ripmap.sample(u + 1e-3, u * 0.3, ones, ones, 1.0)
    assert np.abs(here - close).max() < 0.02
    wider = ripmap.sample(u, u * 0.3, ones * 2.01, ones * 1.99, 1.0)
    barely = ripmap.sample(u, u * 0.3, ones * 1.99, ones * 2.01, 1.0)
    assert np.abs(wider - barely).max() < 0.1


def test_points_do_not_depend_on_their_company(tile):
    """Points on a level of either axis and between levels, together and one by one."""
    ripmap = Ripmap(tile)
    rng = np.random.default_rng(4)
    u, v = rng.uniform(0, 600, (2, 200))
    width_u, width_v = rng.choice([0.5, 1.0, 1.7, 4.0, 90.0], (2, 200))
    together = ripmap.sample(u, v, width_u, width_v, 1.0)
    for i in range(200):
        alone = ripmap.sample(*(x[i : i + 1] for x in (u, v, width_u, width_v)), 1.0)
        np.testing.assert_array_equal(alone[:, 0], together[:, i])
    first = ripmap.sample(u, v, width_u, width_v, 1.0, channels=1)
    np.testing.assert_array_equal(first, together[:1])


def test_hashed_is_spread_over_the_unit_interval():
    i, j = np.meshgrid(np.arange(40), np.arange(40))
    values = hashed(i, j, 3.0).ravel()
    assert 0 <= values.min() and values.max() < 1
    assert np.abs(np.histogram(values, 4, (0, 1))[0] / 1600 - 0.25).max() < 0.05
