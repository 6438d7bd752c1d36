"""Between pixels the lookup is linear along each axis, up to the last one."""

import numpy as np
import pytest

from aquanet_tf.cameras.lookup import Lookup

SHAPE = (7, 9)


def test_planes_are_met_everywhere():
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    plane = np.stack([20 * columns, 30 * rows, 10 * columns + 20 * rows], -1).astype(np.uint8)
    rng = np.random.default_rng(0)
    u, v = rng.uniform(0, SHAPE[1] - 1, (5, 6)), rng.uniform(0, SHAPE[0] - 1, (5, 6))
    u[0, :2], v[0, :2] = (0, SHAPE[1] - 1), (0, SHAPE[0] - 1)  # corners
    expected = np.stack([20 * u, 30 * v, 10 * u + 20 * v], -1)
    found = Lookup(u, v, SHAPE)(plane)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_another_size_is_refused():
    with pytest.raises(ValueError, match=r"image is \(10, 10\), expected \(7, 9\)"):
        Lookup(np.zeros((1, 1)), np.zeros((1, 1)), SHAPE)(np.zeros((10, 10, 3), np.uint8))
