"""Painted faces: colors that exist, the same for each point alone, symmetric, fading far away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.street.render import faces
from data_prep.street.world import solids
from tests.support.solids import moment

PATTERNS = (solids.FACADE, solids.CAR_SIDE, solids.CAR_END, solids.GLASS, solids.SIGN)


def made(seed=0):
    """Solids with every pattern: a car, a house, a sign post and a tree."""
    rng = np.random.default_rng(seed)
    parts = [*solids.car(rng)[0], *solids.building(rng, 12.0, 9.0, 8.0), *solids.tree(rng)]
    while solids.SIGN not in parts[-1].kinds:
        parts += solids.pole(rng, 1)
    return moment(parts)


def spread(street, count, width=0.02, seed=0):
    """Random Points on the vertical faces of boxes, and how large a pixel is there."""
    rng = np.random.default_rng(seed)
    solid = rng.choice(np.flatnonzero(~street.round)[1:], count)
    face = rng.choice([0, 1, 4, 5], count)
    half = street.half[solid]
    across = np.where(face < 2, half[:, 2], half[:, 0])
    widths = np.full((2, count), width)
    pattern = street.kinds[solid, face]
    u, v = across * rng.uniform(-1, 1, count), 2 * half[:, 1] * rng.random(count)
    return faces.Points(solid, face, pattern, u, v, *widths)


def paint(points, street, noise=0.0):
    return faces.paint(points, np.full((3, points.u.size), noise), street)


def where(points, keep):
    return faces.Points(*(values[keep] for values in points))


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.floats(0.005, 3))
def test_unlit_colors_are_colors(seed, width):
    street = made(seed)
    found = paint(spread(street, 600, width), street)
    assert found.shape == (3, 600) and found.min() >= 0 and found.max() <= 1


def test_a_point_has_its_color_whatever_else_is_painted():
    """So that a picture may be painted in pieces of any size."""
    street = made()
    points = spread(street, 800)
    whole = paint(points, street)
    order = np.random.default_rng(1).permutation(800)
    np.testing.assert_array_equal(paint(where(points, order), street), whole[:, order])
    for pattern in np.unique(points.pattern):
        mine = points.pattern == pattern
        np.testing.assert_array_equal(paint(where(points, mine), street), whole[:, mine])


def test_plain_faces_have_the_color_of_the_solid_and_noise_is_a_share():
    street = made()
    points = spread(street, 500)
    plain = where(points, points.pattern == solids.PLAIN)
    np.testing.assert_allclose(paint(plain, street), street.base[plain.solid].T, rtol=1e-6)
    np.testing.assert_allclose(paint(points, street, 0.3), 1.3 * paint(points, street))


@pytest.mark.parametrize("pattern", [solids.CAR_SIDE, solids.CAR_END, solids.GLASS, solids.SIGN])
def test_cars_and_signs_are_symmetric(pattern):
    """But for houses, whose windows differ."""
    street = made()
    points = spread(street, 2000)
    points = where(points, points.pattern == pattern)
    assert points.u.size > 20
    mirrored = paint(points._replace(u=-points.u), street)
    if pattern == solids.CAR_SIDE:  # one door is longer than the other
        seam = np.abs(np.abs(points.u) - 0.22 * street.pitch[points.solid, 0]) < 0.06
        mirrored, points = mirrored[:, ~seam], where(points, ~seam)
    np.testing.assert_allclose(paint(points, street), mirrored, rtol=1e-9)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_shows_near_and_fades_far_away(pattern):
    """A face of which a pixel holds all must not flicker."""
    street = made()
    solid, face = np.argwhere(street.kinds[:, :6] == pattern)[0]
    points = spread(street, 3000)
    points = points._replace(
        solid=np.full(3000, solid), face=np.full(3000, face), pattern=np.full(3000, pattern)
    )
    half = street.half[solid]
    across = half[2] if face < 2 else half[0]
    rng = np.random.default_rng(0)
    points = points._replace(u=across * rng.uniform(-1, 1, 3000), v=2 * half[1] * rng.random(3000))
    near = paint(points, street)
    wide = np.full(3000, 4 * max(across, half[1]))
    far = paint(points._replace(width_u=wide, width_v=wide), street)
    contrast = near.std(axis=1).max()
    assert contrast > 0.02 and far.std(axis=1).max() < 0.3 * contrast


def test_lamps_are_red_at_the_rear_and_white_in_front():
    street = made()
    body = np.flatnonzero((street.kinds == solids.CAR_END).any(axis=1))[0]
    half = street.half[body]
    one = np.ones(2)
    face = np.array([faces.REAR_FACE, faces.REAR_FACE + 1])
    lamp = faces.Points(
        np.full(2, body), face, np.full(2, solids.CAR_END), (half[0] - 0.2) * one, 0.55 * one,
        0.01 * one, 0.01 * one,
    )  # fmt: skip
    rear, front = paint(lamp, street).T
    assert rear[0] > 3 * rear[1:].max() and front.min() > 0.7


def test_a_sign_is_gray_from_behind():
    street = made()
    points = spread(street, 3000)
    sign = where(points, points.pattern == solids.SIGN)
    found = paint(sign, street)
    rear = sign.face == faces.REAR_FACE
    assert rear.any() and (found[:, ~rear] == 0.5).all() and np.ptp(found[:, rear]) > 0.3
