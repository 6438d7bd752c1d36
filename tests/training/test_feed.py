"""What `fit` is fed: batches of a stretch, validation, and cached masks where a run has them."""

import numpy as np

from aquanet_tf.training import distribution, feed
from aquanet_tf.training.schedule import Stretch
from tests.training.test_trainer import options


def made(data_dir, **changes):
    config = options(data_dir, **changes)
    return feed.Feed(config, distribution.create(config))


def test_a_stretch_begins_behind_its_first_steps(data_dir):
    whole, rest = (list(made(data_dir).training(Stretch(1, 2, step), None)) for step in (0, 1))
    assert len(whole) == 2 and len(rest) == 1 and "key" not in rest[0]
    np.testing.assert_array_equal(rest[0]["target"], whole[1]["target"])


def test_validation_is_that_of_its_own_data_set(data_dir):
    assert made(data_dir).validation() == {}
    validation = made(data_dir, val_data_dir=str(data_dir)).validation()
    assert validation["validation_steps"] is None, "the whole set, on one replica"
    assert "target" in next(iter(validation["validation_data"]))


def test_without_cached_masks_nothing_is_made(data_dir, tmp_path):
    assert made(data_dir).masks(None, tmp_path) is None
    assert made(data_dir, mask_source="online").masks("a network", tmp_path) is None
    assert not list(tmp_path.iterdir())
