"""The input pipeline: epochs of augmented batches from the same encoded triplets.

TensorFlow reads TFRecord shards, PyTorch one file per frame: each the form it is made for. Several
epochs are read one after another, as in training. Ours is one data set over all epochs; PyTorch's
DataLoader starts again each epoch and keeps its workers. Nothing is prefetched beyond a call, so
neither side works while the other is timed.
"""

from __future__ import annotations

import json
import os
import pathlib

from benchmarks.measure import Setting

BATCH = 4
WORKERS = 2
EPOCHS = 4


def extract(records_dir: str, folder: pathlib.Path) -> int:
    """Writes the frames of a data set, byte for byte, and cameras.json for `pytorch.loader`.

    Returns the number of triplets. Raises ValueError for a data set that is damaged or missing.
    """
    import tensorflow as tf

    from aquanet_tf.data import manifest, records

    info = manifest.verify(records_dir)
    files = [os.path.join(records_dir, shard["name"]) for shard in info["shards"]]
    cameras = []
    for data in tf.data.TFRecordDataset(files):
        fields = records.parse(data)
        for name in records.FRAMES:
            (folder / f"{len(cameras)}_{name}").write_bytes(fields[name].numpy())
        cameras.append(fields["intrinsics"].numpy().tolist())
    (folder / "cameras.json").write_text(json.dumps(cameras))
    return len(cameras)


def options(setting: Setting, records_dir: str = ""):
    """The options of both sides: every augmentation, frames for PoseNet as large as the crops."""
    from aquanet_tf.config.options import Config

    return Config(
        data_dir=str(records_dir),
        batch_size=BATCH,
        crop_height=setting.height,
        crop_width=setting.width,
        pose_input_height=setting.height,
        pose_input_width=setting.width,
        seed=setting.seed,
    )


def tensorflow_case(setting: Setting, records_dir: str, folder: str):
    """Ours, from the first record of the first epoch to the last batch of the last. Iterator and
    graph are made in every call, as at the start of a training."""
    del folder
    from aquanet_tf.data import pipeline

    dataset = pipeline.training_dataset(options(setting, records_dir), 0, EPOCHS)

    def run():
        count = 0
        for batch in dataset:
            batch["target"].numpy()
            count += 1
        return count

    return run


def torch_case(setting: Setting, records_dir: str, folder: str):
    """PIL and a DataLoader with two workers."""
    del records_dir
    from benchmarks.pytorch import loader

    size = (setting.height, setting.width)
    rules = options(setting)
    triplets = loader.Triplets(folder, size, size, (rules.resize_min, rules.resize_max))
    return loader.Epochs(triplets, BATCH, WORKERS, EPOCHS)
