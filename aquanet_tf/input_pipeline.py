"""Shards to batches: read, shuffle, decode, augment, batch, prefetch. Deterministic.

What an epoch yields depends on (config, epoch) alone: order and augmentation are drawn from
stateless seeds (seed, epoch, pass, index), so a resumed run sees what an uninterrupted one would.

A batch is a dict, all float32 but the key:

| name            | shape             | meaning                                                    |
|-----------------|-------------------|------------------------------------------------------------|
| target          | [B, h, w, 3]      | crop of the target frame, [0, 1]                           |
| references      | [B, 2, h, w, 3]   | the same crop of the previous and the next frame           |
| target_low      | [B, ph, pw, 3]    | whole target frame at PoseNet's size, same flip and colour |
| references_low  | [B, 2, ph, pw, 3] | whole previous and next frame                              |
| intrinsics      | [B, 3, 3]         | K of the crop, pixels                                      |
| grid            | [B, h, w, 2]      | the crop's part of the whole image's positional grid       |
| resize          | [B]               | resize factor of the crop relative to the stored image     |
| key             | [B] string        | DATE/DRIVE/image_0X/FRAME                                  |

and, with a directory of masks (see `mask_cache`), 1 static and 0 likely moving:

| target_mask     | [B, h, w, 1]      | the same crop of the target frame's mask                   |
| reference_masks | [B, 2, h, w, 1]   | of the previous and the next frame's                       |
"""

from __future__ import annotations

import pathlib

import tensorflow as tf

from aquanet_tf import augment, manifest, records
from aquanet_tf.config import Config

# Records are shuffled in windows of about this many bytes, so that memory stays bounded.
_SHUFFLE_BYTES = 128 * 1024**2
_SHUFFLE_RECORDS = 4096
# Shards read in turn; their order changes every epoch.
_CYCLE = 8
# Constants folded into the seed, so that order and augmentation are drawn independently.
_ORDER, _AUGMENT = 1, 2


def training_dataset(
    config: Config,
    start_epoch: int,
    end_epoch: int,
    masks: str | pathlib.Path | None = None,
    skip: int = 0,
) -> tf.data.Dataset:
    """Augmented batches of the epochs start_epoch..end_epoch - 1, one after another.

    Each epoch has exactly `steps_per_epoch(config)` batches, the first without its first `skip`
    ones, whose records are read but not decoded. `masks`: directory of the frames'
    static masks, which then follow every geometric step. ValueError when the data set does not
    match its manifest.
    """
    info = manifest.verify(config.data_dir)
    samples = steps_per_epoch(config) * config.batch_size

    def epoch_samples(epoch):
        passes = tf.data.Dataset.range(-(-samples // info["count"]))
        ordered = passes.flat_map(lambda number: _shuffled(config, info, epoch, number))
        numbered = ordered.enumerate().take(samples)
        return numbered.map(lambda index, data: (epoch, index, data))

    dataset = tf.data.Dataset.range(start_epoch, end_epoch).flat_map(epoch_samples)
    dataset = dataset.skip(skip * config.batch_size)  # before anything is decoded
    dataset = dataset.map(
        lambda epoch, index, data: _training_sample(config, info, masks, epoch, index, data),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return _finished(dataset.batch(config.batch_size, drop_remainder=True))


def validation_dataset(config: Config, data_dir: str) -> tf.data.Dataset:
    """One pass over `data_dir` without augmentation, in fixed order, last batch maybe smaller:
    whole stored images resized to the crop size. ValueError as for training."""
    info = manifest.verify(data_dir)
    files = [str(pathlib.Path(data_dir) / shard["name"]) for shard in info["shards"]]
    dataset = tf.data.TFRecordDataset(files).map(
        lambda data: _validation_sample(config, info, data),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return _finished(dataset.batch(config.batch_size))


def steps_per_epoch(config: Config) -> int:
    """--steps_per_epoch, or as many full batches as the data set has. ValueError when that is 0.

    More steps than the data set has means several passes in one epoch.
    """
    count = manifest.read(config.data_dir)["count"]
    if config.steps_per_epoch and count:
        return config.steps_per_epoch
    if count < config.batch_size:
        raise ValueError(
            f"{config.data_dir}: {count} triplets do not fill a batch of {config.batch_size}; "
            "lower --batch_size or prepare more data"
        )
    return count // config.batch_size


def _shuffled(config: Config, info: dict, epoch, number) -> tf.data.Dataset:
    """Serialized records of one pass: shards in random order, read in turn, shuffled in windows.

    Not Dataset.shuffle, whose order depends on TensorFlow's global seed and on history.
    """
    folder = pathlib.Path(config.data_dir)
    files = [str(folder / shard["name"]) for shard in info["shards"] if shard["count"]]
    seed = _seed(config, _ORDER, epoch, number)
    shuffle = tf.random.experimental.stateless_shuffle
    bytes_each = max(1, sum(shard["bytes"] for shard in info["shards"]) // info["count"])
    window = min(max(_SHUFFLE_BYTES // bytes_each, config.batch_size), _SHUFFLE_RECORDS)
    dataset = tf.data.Dataset.from_tensor_slices(shuffle(tf.constant(files), seed))
    dataset = dataset.interleave(
        tf.data.TFRecordDataset,
        cycle_length=min(_CYCLE, len(files)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    dataset = dataset.batch(window).enumerate(start=1)
    dataset = dataset.map(lambda index, data: shuffle(data, _fold(seed, index)))
    return dataset.prefetch(1).unbatch()


def mask_files(fields):
    """Names of the three frames' mask files, string [3], from a parsed record."""
    camera = tf.strings.as_string(fields["camera"], width=2, fill="0")
    frames = tf.strings.as_string(fields["frame_ids"], width=10, fill="0")
    folder = tf.strings.join([fields["drive"], "/image_", camera, "/"])
    return tf.strings.join([tf.repeat(folder, 3), frames, tf.repeat(".png", 3)])


def _training_sample(config: Config, info: dict, masks, epoch, index, data) -> dict:
    images, k, key = _decoded(info, data, masks)
    seeds = tf.random.experimental.stateless_split(_seed(config, _AUGMENT, epoch, index), 4)
    # On the stored bytes, where both are cheapest.
    if config.flip:
        mirror = augment.coin(seeds[0])
        images, k = tf.cond(mirror, lambda: augment.flip(images, k), lambda: (images, k))
    if config.time_reversal:
        reverse = augment.coin(seeds[1])
        images = tf.cond(reverse, lambda: tf.gather(images, [2, 1, 0]), lambda: images)
    high, low, k, grid, resize = _resampled(config, images, k, seeds[2])
    # With masks, these are the fourth channel of the frames up to here.
    static = tf.cast(high[..., 3:] >= 0.5, tf.float32)
    high, low = high[..., :3], low[..., :3]
    if config.photometric:
        photometry = augment.random_photometry(seeds[3])
        high = augment.apply_photometry(high, photometry)
        low = augment.apply_photometry(low, photometry)
    sample = _sample(high, low, k, grid, resize, key)
    if masks:
        sample["target_mask"] = static[1]
        sample["reference_masks"] = tf.stack([static[0], static[2]])
    return sample


def _validation_sample(config: Config, info: dict, data) -> dict:
    images, k, key = _decoded(info, data)
    return _sample(*_resampled(config, images, k, None), key)


def _decoded(info: dict, data, masks=None):
    """Frames uint8 [3, height, width, 3] in time order, K [3, 3], key; with the directory `masks`
    a fourth channel, the static mask, 0 or 255.

    Whole frames, because PoseNet sees them whole: decoding the crop's window of a JPEG apart
    would be work on top. The crop comes before the resize.
    """
    fields = records.parse(data)
    frames = [records.decode(fields[name], info["image_format"]) for name in records.FRAMES]
    images = tf.stack(frames)
    if masks:
        paths = tf.strings.join([f"{masks}/", mask_files(fields)])
        static = [tf.io.decode_png(tf.io.read_file(paths[i]), channels=1) for i in range(3)]
        images = tf.concat([images, tf.stack(static)], axis=-1)
    return images, fields["intrinsics"], fields["key"]


def _resampled(config: Config, images, k, seed):
    """Crops and low-resolution whole frames in [0, 1]; K, grid and resize factor of the crops.

    The window is random, or the whole image without a seed or without depth scaling.
    """
    shape = tf.shape(images)
    size = (config.crop_height, config.crop_width)
    if seed is None or config.depth_scaling == "none":
        window = augment.whole_window(*size)
    else:
        limits = (config.resize_min, config.resize_max)
        window = augment.random_window(seed, shape[1], shape[2], *size, *limits)
    low = augment.whole_window(config.pose_input_height, config.pose_input_width)
    k, grid, resize = augment.window_geometry(k, shape[1], shape[2], window)
    if config.depth_scaling == "none":
        resize = tf.ones_like(resize)
    high, low = (augment.resize_crop(images, w) / 255.0 for w in (window, low))
    return high, low, k, grid, resize


def _sample(high, low, k, grid, resize, key) -> dict:
    """The dict of one sample from frames in time order."""
    return {
        "target": high[1],
        "references": tf.stack([high[0], high[2]]),
        "target_low": low[1],
        "references_low": tf.stack([low[0], low[2]]),
        "intrinsics": k,
        "grid": grid,
        "resize": resize,
        "key": key,
    }


def _finished(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)


def _seed(config: Config, purpose: int, epoch, index):
    """int64 [2], a function of its arguments alone."""
    seed = tf.constant([config.seed, purpose], tf.int64)
    return _fold(_fold(seed, epoch), index)


def _fold(seed, number):
    return tf.random.experimental.stateless_fold_in(seed, number)
