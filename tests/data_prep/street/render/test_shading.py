"""Light and places of what a ray meets: outward faces, the sun's share, the cap."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.street.render import raycast, shading
from data_prep.street.render.texture import TILE, Ripmap
from data_prep.street.world import rotation, solids
from data_prep.street.world.palette import random_palette
from tests.support.solids import moment

LIGHTEST = 1.15  # times the tint: a surface that faces the sun
seeds = st.integers(0, 10**6)
few = settings(max_examples=15)


@pytest.fixture(scope="module")
def gray():
    """A texture without noise."""
    return Ripmap(np.zeros((TILE, TILE, 3), np.float32))


def palette(seed):
    return random_palette(np.random.default_rng(seed), -1e4, 100.0)


def unit(seed, count):
    vectors = np.random.default_rng(seed).standard_normal((count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(seeds)
def test_light_is_between_that_of_the_shade_and_the_cap(seed):
    """The more a surface faces the sun the lighter it is, up to 1.15 tints; in the shade all are
    alike."""
    p = palette(seed)
    normals = np.concatenate([unit(seed, 50), [p.sun, -p.sun]])
    found = shading.light(normals, p) / p.tint
    np.testing.assert_allclose(found, found[:, :1] * np.ones(3))
    facing, light = normals @ p.sun, found[:, 0]
    np.testing.assert_allclose(light[facing <= 0], p.ambient)
    order = np.argsort(facing)
    assert (np.diff(light[order]) >= -1e-12).all()
    assert light.max() == pytest.approx(LIGHTEST) and np.argmax(light) == 50


def seen(seed, is_round):
    """A turned box or ellipsoid that a camera above and beside it sees: view, moment, hits."""
    rng = np.random.default_rng(seed)
    half = tuple(rng.uniform(0.5, 2.0, 3))
    center = (rng.uniform(-2, 2), rng.uniform(-3, 0), rng.uniform(7, 10))
    part = solids.Solid(center, half, rng.uniform(0.1, 0.9, 3), np.zeros(3), round=is_round)
    world = moment([part], rng.uniform(-np.pi, np.pi))
    turn = rotation.camera_to_world(*np.array([0.05, -0.1, 0.02]))
    view = raycast.View(30.0, 24.0, 16.0, 32, 48, turn, np.array([0.3, -3.5, 0.2]))
    depth, index, face = raycast.cast(view, world)
    rows, columns = np.nonzero(index == 1)
    xs, ys = view.axes()
    rays = view.rotation @ np.stack([xs[columns], ys[rows], np.ones(rows.size)])
    solid = np.ones(rows.size, np.intp)
    hits = shading.Hits(rays, depth[rows, columns], solid, face[rows, columns])
    return view, world, hits


def outward(view, world, hits):
    """Points in the solid's frame, in its half sizes, and unit normals in the world [n, 3]."""
    turn = rotation.from_yaw(world.yaw[1])
    points = (view.position + hits.depth[:, None] * hits.rays.T - world.center[1]) @ turn
    scaled = points / world.half[1]
    if world.round[1]:
        normals = scaled / world.half[1]
    else:
        axis = np.argmax(np.abs(scaled), axis=1)
        normals = np.eye(3)[axis] * np.sign(scaled)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return scaled, normals @ turn.T


@pytest.mark.parametrize("is_round", [False, True])
@few
@given(seed=seeds)
def test_rays_end_on_the_surface_and_only_on_faces_turned_to_the_camera(is_round, seed):
    view, world, hits = seen(seed, is_round)
    scaled, normals = outward(view, world, hits)
    size = np.linalg.norm(scaled, axis=1) if is_round else np.abs(scaled).max(axis=1)
    np.testing.assert_allclose(size, 1.0, rtol=1e-9)
    assert (np.sum(normals * hits.rays.T, axis=1) < 1e-9).all()
    if not is_round:
        axis = np.argmax(np.abs(scaled), axis=1)
        positive = scaled[np.arange(axis.size), axis] > 0
        np.testing.assert_array_equal(hits.face, 2 * axis + positive)


@pytest.mark.parametrize("is_round", [False, True])
@few
@given(seed=seeds)
def test_a_plain_surface_has_its_color_times_the_light_on_it(gray, is_round, seed):
    """By normals of the geometry, not of the renderer."""
    view, world, hits = seen(seed, is_round)
    p = palette(seed)
    _, normals = outward(view, world, hits)
    expected = world.base[1] * shading.light(normals, p)
    found = shading.solid_colors(view, hits, world, p, gray)
    np.testing.assert_allclose(found.T, expected, atol=2e-4)
    assert (found.T <= LIGHTEST * world.base[1] * p.tint + 1e-4).all()


@few
@given(seeds)
def test_the_light_does_not_depend_on_the_place_or_on_other_rays(gray, seed):
    view, world, hits = seen(seed, False)
    p = palette(seed)
    found = shading.solid_colors(view, hits, world, p, gray)
    away = np.array([3.0, 0.0, -40.0])
    moved = dataclasses.replace(world, center=world.center + away)
    there = dataclasses.replace(view, position=view.position + away)
    np.testing.assert_allclose(
        shading.solid_colors(there, hits, moved, p, gray), found, rtol=1e-5, atol=1e-6
    )
    order = np.random.default_rng(seed).permutation(hits.depth.size)
    mixed = shading.Hits(hits.rays[:, order], *(part[order] for part in hits[1:]))
    np.testing.assert_array_equal(
        shading.solid_colors(view, mixed, world, p, gray), found[:, order]
    )


def test_noise_has_no_more_than_the_contrast_of_its_solid():
    """It is cut at 2.2 times the contrast, so that no dot of a texture is black or glares."""
    rng = np.random.default_rng(0)
    wild = Ripmap(rng.normal(0, 5, (TILE, TILE, 3)).astype(np.float32))
    view, world, hits = seen(3, False)
    p = palette(3)
    smooth = dataclasses.replace(world, contrast=0 * world.contrast)
    plain = shading.solid_colors(view, hits, smooth, p, wild)
    ratio = shading.solid_colors(view, hits, world, p, wild) / plain
    assert np.abs(ratio - 1).max() <= 2.2 * world.contrast[1] + 1e-5 and ratio.std() > 0.05
