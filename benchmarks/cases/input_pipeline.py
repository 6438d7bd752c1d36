"""The input pipeline: epochs of augmented batches from the same encoded triplets, each side from
the form it is made for, TFRecord shards here and a file for each frame there.

Several epochs one after another, as training reads them: ours is one data set from the first epoch
to the last, PyTorch's DataLoader starts anew each epoch, with workers that stay. What is prepared
ahead does not outlive a call, so neither works while the other is timed.
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
    """Writes the frames of a data set, byte for byte, and cameras.json for `torch_loader`.

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
    """The configuration of both sides: every augmentation, PoseNet's frames as large as crops."""
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
    """Ours, from the first epoch's first record to the last one's last batch; iterator and graph
    are made anew every time, as at the start of a training."""
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
    """PIL and a DataLoader of two workers."""
    del records_dir
    from benchmarks import torch_loader

    size = (setting.height, setting.width)
    rules = options(setting)
    triplets = torch_loader.Triplets(folder, size, size, (rules.resize_min, rules.resize_max))
    return torch_loader.Epochs(triplets, BATCH, WORKERS, EPOCHS)
