"""Data sets that data preparation wrote, as tests look at them."""

import tensorflow as tf

from aquanet_tf.data import manifest, records
from data_prep.layouts import kitti


def prepare(raw, out, **options):
    """The manifest of `data_prep.kitti`; options: of `kitti.Options`."""
    return kitti.prepare(kitti.Options(str(raw), str(out), **options))


def read(out):
    """All records by key, in their order, parsed."""
    files = [str(out / shard["name"]) for shard in manifest.verify(out)["shards"]]
    parsed = [records.parse(data) for data in tf.data.TFRecordDataset(files)]
    keys = [fields["key"].numpy().decode() for fields in parsed]
    assert len(keys) == len(set(keys))
    return dict(zip(keys, parsed))


def contents(out):
    """Name -> bytes of every file of a data set."""
    return {path.name: path.read_bytes() for path in out.iterdir()}
