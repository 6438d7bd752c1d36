"""What a data set will hold: the items of each shard, and all that determines its bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from data_prep.dataset import origins
from data_prep.dataset.shards import Encoded

# Seed of the order of triplets in the shards: fixed, so that the same input gives the same bytes.
_ORDER_SEED = 1


class Plan(NamedTuple):
    """A data set to write.

    items: each has a `key`, and `paths` of its source files. encode: turns an item into a record,
    or raises shards.Unreadable. arguments: what determines the bytes; an interrupted run must have
    had the same. root: the raw directory. cameras: those of the items, as in a record of `origins`.
    left_out: source files that are in no item because they are unreadable, with the reason.
    """

    items: Sequence
    encode: Callable[[object], Encoded]
    arguments: dict
    image_format: str
    shard_size: int
    root: str
    cameras: dict
    left_out: Sequence[dict] = ()

    def shards(self) -> dict[str, list]:
        """Shard name -> items, in an order that mixes drives in every shard."""
        order = np.random.RandomState(_ORDER_SEED).permutation(len(self.items))
        number = -(-len(order) // self.shard_size)
        return {
            f"triplets-{i:05d}-of-{number:05d}.tfrecord": [self.items[j] for j in part]
            for i, part in enumerate(np.array_split(order, number))
        }

    def fingerprint(self) -> str:
        """Digest of the names of the shards and the keys of their items."""
        return origins.digest(
            [[name, [item.key for item in items]] for name, items in self.shards().items()]
        )
