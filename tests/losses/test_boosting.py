"""Boosting loss (Eq. 12) as a layer; the function is tested with the boosted depth."""

import numpy as np

from aquanet_tf.losses import BoostingLoss
from aquanet_tf.losses.boosting import boosting_loss
from tests.losses.test_synthesis import field
from tests.support.layers import check_layer


def test_layer():
    maps = [field(2, 6, 8, 1, seed=seed) for seed in range(3)]
    (value,) = check_layer(BoostingLoss(), *maps)
    assert value.shape == (2,) and (value.numpy() > 0).all()
    np.testing.assert_array_equal(value, boosting_loss(*maps))
