"""Shards to batches: read, shuffle, decode, augment, batch, prefetch. Deterministic.

The batches of an epoch depend on (config, epoch) alone: order and augmentation come from stateless
seeds (seed, epoch, pass, index), so a resumed run sees the batches of an uninterrupted one. Several
data sets (see `mixture`) are shuffled separately, and every batch holds triplets of each. The
number of workers that share the batches does not change them.

A batch is a dict, all float32 but the key:

| name            | shape             | meaning                                                    |
|-----------------|-------------------|------------------------------------------------------------|
| target          | [B, h, w, 3]      | crop of the target frame, [0, 1]                           |
| references      | [B, 2, h, w, 3]   | the same crop of the previous and the next frame           |
| target_low      | [B, ph, pw, 3]    | whole target frame at PoseNet's size, same flip and color |
| references_low  | [B, 2, ph, pw, 3] | whole previous and next frame                              |
| intrinsics      | [B, 3, 3]         | K of the crop, pixels                                      |
| grid            | [B, h, w, 2]      | the crop's part of the whole image's positional grid       |
| resize          | [B]               | resize factor of the crop relative to the stored image     |
| distances       | [B, 2]            | meters from the target to the two references; -1: unknown  |
| key             | [B] string        | DATE/DRIVE/image_0X/FRAME                                  |

and, with directories of cached masks (see `training.mask_cache`), 1 static and 0 likely moving:

| target_mask     | [B, h, w, 1]      | the same crop of the target frame's mask                   |
| reference_masks | [B, 2, h, w, 1]   | of the previous and the next frame's                       |

and, with --learn_intrinsics, what `layers.LearnedIntrinsics` needs to correct K:

| data_set        | [B, sets]         | 1 for the directory of --data_dir that it is from, else 0  |
| whole_size      | [B, 2]            | width (negative: mirrored), height of the whole resized    |
|                 |                   | image that the crop is from, pixels                        |
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.data import (
    augmentation,
    first_guess,
    manifest,
    mask_files,
    mixture,
    records,
    resampling,
)
from aquanet_tf.geometry import camera


class Share(NamedTuple):
    """The part of every batch of B that one of `workers` computes: B / workers samples from number
    worker * B / workers on, in order, split into batches for each of its `replicas`."""

    worker: int = 0
    workers: int = 1
    replicas: int = 1

    def batch_size(self, config: Config) -> int:
        """Samples in one of its batches."""
        return config.batch_size // (self.workers * self.replicas)

    def of(self, dataset: tf.data.Dataset, batch_size: int, index) -> tf.data.Dataset:
        """The elements of this share; index(*element) is the element's place in the epoch."""
        if self.workers == 1:
            return dataset
        mine = batch_size // self.workers
        return dataset.filter(lambda *each: index(*each) % batch_size // mine == self.worker)


WHOLE = Share()


def training_dataset(
    config: Config,
    start_epoch: int,
    end_epoch: int,
    masks: Sequence[str | pathlib.Path] | None = None,
    skip: int = 0,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Augmented batches of the epochs start_epoch..end_epoch - 1, one after another.

    Args:
        skip: batches left out at the start of the first epoch; their records are read but not
            decoded.
        masks: for each data set the directory of its frames' static masks, which then follow every
            geometric step.
        share: the part of every batch that is returned.

    Each epoch has `steps_per_epoch(config)` batches. ValueError when a data set does not match its
    manifest.
    """
    sets = mixture.training_sets(config)
    for data_set in sets:
        manifest.verify(data_set.directory)
    samples = steps_per_epoch(config) * config.batch_size

    def epoch_samples(epoch):
        numbered = mixture.epoch_records(config, sets, epoch, samples).enumerate()
        return numbered.map(lambda index, record: (epoch, index, *record))

    dataset = tf.data.Dataset.range(start_epoch, end_epoch).flat_map(epoch_samples)
    # Here, before images are decoded.
    dataset = dataset.skip(skip * config.batch_size)
    dataset = share.of(dataset, config.batch_size, lambda epoch, index, *_: index)
    image_format = _image_format([data_set.info for data_set in sets])
    dataset = dataset.map(
        lambda *numbered: _training_sample(config, image_format, masks, numbered),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return _finished(dataset.batch(share.batch_size(config), drop_remainder=True))


def validation_dataset(
    config: Config, data_dir: str, share: Share | None = None
) -> tf.data.Dataset:
    """One pass over `data_dir` (or several, comma separated, one after the other) without
    augmentation, in fixed order: whole stored images resized to the crop size. The last batch may
    be smaller. ValueError as for training.

    With a `share`, its part of every batch, in endless passes; a pass has `validation_steps` full
    batches, the last filled up from the beginning.
    """
    sets = [
        mixture.DataSet(pathlib.Path(name), manifest.verify(name), 1.0)
        for name in mixture.directories(data_dir)
    ]
    dataset = tf.data.TFRecordDataset([file for data_set in sets for file in data_set.files])
    set_indices = np.repeat(np.arange(len(sets)), [data_set.info["count"] for data_set in sets])
    dataset = tf.data.Dataset.zip((dataset, tf.data.Dataset.from_tensor_slices(set_indices)))
    if share:
        dataset = dataset.repeat().take(validation_steps(config, data_dir) * config.batch_size)
        dataset = share.of(dataset.enumerate(), config.batch_size, lambda index, sample: index)
        dataset = dataset.map(lambda index, sample: sample).repeat()
    image_format = _image_format([data_set.info for data_set in sets])
    dataset = dataset.map(
        lambda *sample: _validation_sample(config, image_format, *sample),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    dataset = _finished(dataset.batch((share or WHOLE).batch_size(config)))
    if share:
        return dataset
    # Keras 2 must know the number of batches where one execution takes several steps.
    steps = validation_steps(config, data_dir)
    return dataset.apply(tf.data.experimental.assert_cardinality(steps))


def steps_per_epoch(config: Config) -> int:
    """--steps_per_epoch, or as many full batches as the data sets hold triplets together.
    ValueError when that is 0.

    With more steps, or a large weight, an epoch takes several passes over a data set; with fewer,
    or a small weight, a part of it, a different one every epoch.
    """
    count = sum(data_set.info["count"] for data_set in mixture.training_sets(config))
    if config.steps_per_epoch and count:
        return config.steps_per_epoch
    if count < config.batch_size:
        raise ValueError(
            f"{config.data_dir}: {count} triplets do not fill a batch of {config.batch_size}; "
            "lower --batch_size or prepare more data"
        )
    return count // config.batch_size


def validation_steps(config: Config, data_dir: str) -> int:
    """Batches of one pass over `data_dir`, the last maybe smaller."""
    count = sum(manifest.read(name)["count"] for name in mixture.directories(data_dir))
    return -(-count // config.batch_size)


def _image_format(infos) -> str:
    """The images' format; jpeg if they differ, because TensorFlow's JPEG decoder reads PNG too."""
    formats = {info["image_format"] for info in infos}
    return formats.pop() if len(formats) == 1 else "jpeg"


def _training_sample(config: Config, image_format, masks, numbered) -> dict:
    """The dict of one sample; numbered: epoch, index in the epoch, record, and the index of the
    data set that the record comes from."""
    epoch, index, data, set_index = numbered
    fields = {**records.parse(data), "set_index": set_index}
    seeds = tf.random.experimental.stateless_split(
        mixture.seed(config, mixture.AUGMENT, epoch, index), 4
    )
    augment = augmentation.Augmentation(
        mirror=augmentation.coin(seeds[0]) if config.flip else False,
        reverse=augmentation.coin(seeds[1]) if config.time_reversal else False,
        window_seed=seeds[2],
        photometry=augmentation.random_photometry(seeds[3]) if config.photometric else None,
    )
    if not masks:
        return _sample(config, image_format, fields, augment)
    folder = tf.gather([str(mask) for mask in masks], set_index)
    paths = tf.strings.join([folder, "/", mask_files.names(fields)])
    static = [tf.io.decode_png(tf.io.read_file(paths[i]), channels=1) for i in range(3)]
    return _sample(config, image_format, fields, augment, static)


def _validation_sample(config: Config, image_format, data, set_index) -> dict:
    fields = {**records.parse(data), "set_index": set_index}
    return _sample(config, image_format, fields, augmentation.Augmentation())


def _sample(config: Config, image_format, fields, augment, static=None) -> dict:
    """The dict of one sample.

    Args:
        fields: of a parsed record, and "set_index", that of its data set.
        augment: augmentation.Augmentation.
        static: masks of the three frames, uint8 [h, w, 1], 0 or 255.

    Decodes whole frames, which PoseNet needs.
    """
    mirror, reverse, window_seed, photometry = augment
    frames = [records.decode(fields[name], image_format) for name in records.FRAMES]
    height, width = tf.unstack(tf.shape(frames[0])[:2])
    size = (config.crop_height, config.crop_width)
    if window_seed is None or config.depth_scaling == "none":
        window = augmentation.whole_window(*size)
    else:
        factors = (config.resize_min, config.resize_max)
        window = augmentation.random_window(window_seed, (height, width), size, factors)
    k = fields["intrinsics"]
    k = tf.where(mirror, camera.flip_intrinsics(k, width), k)
    k, grid, resize = augmentation.window_geometry(k, height, width, window)
    if config.depth_scaling == "none":
        resize = tf.ones_like(resize)
    low = augmentation.whole_window(config.pose_input_height, config.pose_input_width)
    high = resampling.triplet(frames, window, mirror, reverse, photometry)
    low = resampling.triplet(frames, low, mirror, reverse, photometry)
    sample = {
        "target": high[0],
        "references": high[1],
        "target_low": low[0],
        "references_low": low[1],
        "intrinsics": k,
        "grid": grid,
        "resize": resize,
        "distances": tf.where(reverse, fields["distances"][::-1], fields["distances"]),
        "key": fields["key"],
    }
    if config.learn_intrinsics:
        sample["data_set"] = first_guess.one_hot(config, fields["set_index"])
        sample["whole_size"] = augmentation.whole_size(window, mirror)
    if static:
        # A mask whose size differs from its frame is an error; it is not resized.
        static = [tf.reshape(mask, [height, width, 1]) for mask in static]
        masks = resampling.triplet(static, window, mirror, reverse)
        names = ("target_mask", "reference_masks")
        sample.update(zip(names, (tf.cast(mask >= 0.5, tf.float32) for mask in masks)))
    return sample


def _finished(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)
