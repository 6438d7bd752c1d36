"""Road coordinates: the inverse of points, whatever was looked up before."""

import numpy as np

from data_prep.street.world.road import Road


def places(n=400):
    rng = np.random.default_rng(1)
    return rng.uniform(0, 80, n), rng.uniform(-8, 8, n)


def test_locate_inverts_point():
    road = Road(np.random.default_rng(3), -40.0, 150.0)
    s, l = places()  # noqa: E741
    x, z, heading = road.point(s, l)
    found = road.locate(x, z)
    np.testing.assert_allclose(found[0], s, atol=0.5)
    np.testing.assert_allclose(found[1], l, atol=0.2)
    np.testing.assert_allclose(found[2], heading, atol=0.05)


def test_lookups_do_not_depend_on_earlier_ones():
    s, l = places()  # noqa: E741
    fresh, used = (Road(np.random.default_rng(3), -40.0, 150.0) for _ in range(2))
    x, z, _ = fresh.point(s, l)
    for part in np.array_split(np.arange(s.size), 7):
        used.locate(x[part], z[part])
    used.locate(np.full(3, 2000.0), np.full(3, -2000.0))
    np.testing.assert_array_equal(used.locate(x, z), fresh.locate(x, z))
