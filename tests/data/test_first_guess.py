"""What a batch tells of its cameras with --learn_intrinsics, and where that is not known."""

import dataclasses

import numpy as np
import pytest

from aquanet_tf.data import first_guess, mixture, pipeline
from tests.data.test_pipeline import PLAIN, batches, config  # noqa: F401
from tests.data.test_pipeline_mixed import mixed, sources  # noqa: F401
from tests.support import kitti_tree


def test_the_first_guess_is_the_k_of_the_records(mixed):  # noqa: F811
    large, small = first_guess.read(mixed)
    assert [large.directory, small.directory] == mixture.directories(mixed.data_dir)
    assert (large.width, large.height, small.width, small.height) == (80, 24, 60, 18)
    np.testing.assert_allclose(large.k, kitti_tree.K[2], rtol=1e-6)
    np.testing.assert_allclose(small.k[0, 0], 0.75 * large.k[0, 0], rtol=1e-6)


def test_batches_say_whose_they_are_and_are_otherwise_the_same(mixed):  # noqa: F811
    """Half of them are mirrored: K and whole size agree on the place of the optical axis."""
    mixed = dataclasses.replace(mixed, time_reversal=False)
    plain = batches(mixed)[0]
    for batch, mirrored in ((batches(dataclasses.replace(mixed, **c))[0], m) for c, m in CASES):
        new = {name: batch.pop(name).numpy() for name in ("data_set", "whole_size")}
        assert [name for _, name in sources(batch)] == new["data_set"].argmax(axis=1).tolist()
        assert (new["data_set"].sum(axis=1) == 1).all()
        widths = np.array([80, 60])[new["data_set"].argmax(axis=1)]
        ratio = abs(new["whole_size"][:, 0]) / widths
        np.testing.assert_allclose(ratio, batch["resize"], rtol=0.04)
        if mirrored:
            assert {-1, 1} == set(np.sign(new["whole_size"][:, 0]))
            assert all(np.array_equal(batch[name], plain[name]) for name in plain)
        else:
            assert (new["whole_size"] > 0).all()


CASES = [({"learn_intrinsics": True}, True), ({"learn_intrinsics": True, **PLAIN}, False)]


def test_validation_takes_the_cameras_in_their_order(mixed, data_dir):  # noqa: F811
    learning = dataclasses.replace(mixed, learn_intrinsics=True)
    found = list(pipeline.validation_dataset(learning, learning.data_dir))
    sets = np.concatenate([batch["data_set"].numpy() for batch in found]).argmax(axis=1)
    assert sets.tolist() == [0] * 14 + [1] * 4
    np.testing.assert_array_equal(found[0]["whole_size"], [[48, 16]] * 6)
    one = dataclasses.replace(learning, data_dir=str(data_dir), val_data_dir=learning.data_dir)
    first_guess.check(one)
    for batch in pipeline.validation_dataset(one, one.val_data_dir):
        assert (batch["data_set"].numpy() == 1).all()
    with pytest.raises(ValueError, match="--val_data_dir=.*must name 2 directories"):
        first_guess.check(dataclasses.replace(learning, val_data_dir=str(data_dir)))
