"""Batches of several data sets, and the parts of them that several workers take."""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from aquanet_tf.config.options import Config
from aquanet_tf.data import pipeline
from tests.data.test_pipeline import batches, same
from tests.support import fuzz, kitti_tree


@pytest.fixture
def mixed(pair_of_sets):
    """14 triplets of 24x80 (PNG) and four of 18x60 (JPEG) of the same drives."""
    return Config(
        data_dir=",".join(map(str, pair_of_sets)),
        batch_size=6,
        crop_height=16,
        crop_width=48,
        pose_input_height=16,
        pose_input_width=40,
        seed=3,
    )


def sources(batch):
    """(key, 0 or 1: the set that the triplet is from, told by its focal length) of a batch."""
    focal = batch["intrinsics"][:, 0, 0] / batch["resize"]
    # The aspect is kept in whole pixels only, hence the tolerance.
    of_set = np.abs(focal[:, None] / [kitti_tree.K[2][0, 0], 0.75 * kitti_tree.K[2][0, 0]] - 1)
    assert (of_set.min(axis=1) < 0.04).all()
    return list(zip(batch["key"].numpy(), of_set.argmin(axis=1)))


def test_mixed_sets_come_once_each_in_every_batch_with_their_own_k(mixed):
    for epoch in (0, 1):
        run = [sources(batch) for batch in batches(mixed, epoch, epoch + 1)]
        assert [len(batch) for batch in run] == [6, 6, 6]
        assert all(0 < sum(number for _, number in batch) < 3 for batch in run)
        everything = [sample for batch in run for sample in batch]
        assert len(set(everything)) == 18 and sum(number for _, number in everything) == 4


def test_weights_repeat_a_small_set_and_take_a_part_of_a_large_one(mixed):
    run = batches(dataclasses.replace(mixed, data_weights="0.5,0.5"))
    assert len(run) == pipeline.steps_per_epoch(mixed) == 3
    found = [sources(batch) for batch in run]
    assert all(sum(number for _, number in batch) == 3 for batch in found)
    times = [[key for batch in found for key, n in batch if n == of] for of in (0, 1)]
    assert len(set(times[0])) == 9
    assert sorted(times[1].count(key) for key in set(times[1])) == [2, 2, 2, 3]


@pytest.fixture(scope="module")
def many_epochs(pair_of_sets):
    """A config whose epochs hold the small set more than once, and the batches of two of them."""
    config = Config(
        data_dir=",".join(map(str, pair_of_sets)),
        data_weights="0.6,0.4",
        steps_per_epoch=9,
        batch_size=2,
        crop_height=16,
        crop_width=48,
        pose_input_height=16,
        pose_input_width=40,
        seed=5,
    )
    return config, batches(config, 3, 5)


@fuzz.lengths(6)
def test_mixed_runs_can_be_resumed_at_any_step(many_epochs, examples):
    """Bit-equal: crops, colors and K, whatever set each sample is from."""
    config, whole = many_epochs
    assert len(whole) == 18

    def check(epoch, step):
        rest = list(pipeline.training_dataset(config, epoch, 5, skip=step))
        expected = whole[9 * (epoch - 3) + step :]
        assert len(rest) == len(expected)
        assert all(same(a, b) for a, b in zip(rest, expected))

    fuzz.run(examples, check, st.integers(3, 4), st.integers(0, 8))


@pytest.mark.parametrize("workers", [1, 2])
def test_every_worker_goes_on_with_its_part(many_epochs, workers):
    config, whole = many_epochs
    for step in (1, 8):
        shares = [
            pipeline.training_dataset(
                config, 4, 5, skip=step, share=pipeline.Share(worker, workers)
            )
            for worker in range(workers)
        ]
        for here, expected in zip(zip(*shares), whole[9 + step :]):
            together = {n: np.concatenate([part[n] for part in here]) for n in expected}
            assert same(together, expected)


def test_mixed_runs_can_be_resumed(mixed):
    everything = batches(mixed, 0, 3)
    tf.random.set_seed(98)
    assert all(same(a, b) for a, b in zip(everything[6:], batches(mixed, 2, 3)))
    other = dataclasses.replace(mixed, seed=4)
    assert sources(everything[0]) != sources(batches(other)[0])


def parts(entry, config, workers, replicas, steps):
    """Batches put together from the parts of all replicas of all workers."""
    each = []
    for worker in range(workers):
        share = pipeline.Share(worker, workers, replicas)
        if entry == "training":
            dataset = pipeline.training_dataset(config, 1, 2, share=share)
        else:
            dataset = pipeline.validation_dataset(config, config.data_dir, share)
        each.append(list(dataset.take(steps * replicas)))
    for step in range(steps):
        here = [part for run in each for part in run[step * replicas :][:replicas]]
        yield {name: np.concatenate([part[name] for part in here]) for name in here[0]}


@pytest.mark.parametrize("workers, replicas", [(1, 2), (2, 1), (3, 2)])
def test_the_shares_of_workers_make_the_batches_of_one(mixed, workers, replicas):
    together = list(parts("training", mixed, workers, replicas, 3))
    assert all(same(a, b) for a, b in zip(together, batches(mixed, 1, 2)))


def test_shares_of_validation_go_on_forever_in_full_batches(mixed):
    mixed = dataclasses.replace(mixed, batch_size=4)
    whole = list(pipeline.validation_dataset(mixed, mixed.data_dir))
    assert [len(batch["key"]) for batch in whole] == [4, 4, 4, 4, 2]
    assert pipeline.validation_steps(mixed, mixed.data_dir) == 5
    assert {number for batch in whole for _, number in sources_of_whole(batch)} == {0, 1}
    together = list(parts("validation", mixed, 2, 1, 10))
    assert all(same(a, b) for a, b in zip(together[:4] + together[5:9], whole[:4] * 2))
    keys = [*whole[4]["key"].numpy(), *whole[0]["key"].numpy()[:2]]  # filled up
    assert list(together[4]["key"]) == list(together[9]["key"]) == keys


def sources_of_whole(batch):
    """The set of whole frames, told by how much they were resized."""
    factors = [np.sqrt(48 / width * 16 / height) for height, width in ((24, 80), (18, 60))]
    return [
        (key, int(np.argmin(np.abs(resize - factors))))
        for key, resize in zip(batch["key"].numpy(), batch["resize"].numpy())
    ]


def test_a_damaged_set_among_several_is_named(mixed, pair_of_sets, tmp_path):
    copy = shutil.copytree(pair_of_sets[1], tmp_path / "second")
    mixed = dataclasses.replace(mixed, data_dir=f"{pair_of_sets[0]},{copy}")
    batches(mixed)
    (shard,) = copy.glob("*.tfrecord*")
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=f"{shard}: content differs"):
        pipeline.training_dataset(mixed, 0, 1)
    with pytest.raises(ValueError, match=f"{shard}: content differs"):
        pipeline.validation_dataset(mixed, mixed.data_dir)
