"""The plan of a data set: every item in one shard, and a fingerprint of which is where."""

import types

from data_prep.dataset.plan import Plan


def plan(count, shard_size=4):
    items = [types.SimpleNamespace(key=f"{i:02d}", paths=()) for i in range(count)]
    return Plan(items, None, {}, "png", shard_size, "raw", {})


def test_every_item_is_in_one_shard_and_drives_are_mixed():
    shards = plan(10).shards()
    assert list(shards) == [f"triplets-0000{i}-of-00003.tfrecord" for i in range(3)]
    assert {len(items) for items in shards.values()} == {3, 4}
    keys = [item.key for items in shards.values() for item in items]
    assert sorted(keys) == [f"{i:02d}" for i in range(10)] != keys


def test_the_fingerprint_is_that_of_items_and_shards():
    assert plan(10).fingerprint() == plan(10).fingerprint()
    assert len({plan(10).fingerprint(), plan(9).fingerprint(), plan(10, 5).fingerprint()}) == 3
