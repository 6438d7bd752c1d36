import dataclasses
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aquanet_tf.config.options import Config
from aquanet_tf.data import manifest, mixture, pipeline, records
from aquanet_tf.geometry import camera
from tests.support import kitti_tree

REAL = os.environ.get("AQUANET_REAL_DATA")
PLAIN = {"flip": False, "time_reversal": False, "photometric": False}


@pytest.fixture
def config(data_dir):
    return Config(
        data_dir=str(data_dir),
        batch_size=4,
        crop_height=16,
        crop_width=48,
        pose_input_height=16,
        pose_input_width=40,
        seed=3,
    )


def batches(config, start=0, end=1):
    return list(pipeline.training_dataset(config, start, end))


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def stored(raw_dir, key):
    """The three frames float [3, 24, 80, 3] in [0, 1] of a key, previous, target, next."""
    drive, frame = key.decode().rsplit("/", 1)
    names = [f"{drive}/data/{int(frame) + step:010d}.png" for step in (-1, 0, 1)]
    return np.stack([np.asarray(Image.open(raw_dir / name)) for name in names]) / 255.0


def test_a_batch_is_as_documented(config):
    batch = batches(config)[0]
    assert {name: (tuple(value.shape), value.dtype) for name, value in batch.items()} == {
        "target": ((4, 16, 48, 3), tf.float32),
        "references": ((4, 2, 16, 48, 3), tf.float32),
        "target_low": ((4, 16, 40, 3), tf.float32),
        "references_low": ((4, 2, 16, 40, 3), tf.float32),
        "intrinsics": ((4, 3, 3), tf.float32),
        "grid": ((4, 16, 48, 2), tf.float32),
        "resize": ((4,), tf.float32),
        "distances": ((4, 2), tf.float32),
        "key": ((4,), tf.string),
    }
    static = pipeline.training_dataset(config, 0, 1).element_spec
    assert static["target"].shape == (4, 16, 48, 3) and static["grid"].shape == (4, 16, 48, 2)
    assert static["references_low"].shape == (4, 2, 16, 40, 3)
    for name in ("target", "references", "target_low", "references_low"):
        assert 0 <= batch[name].numpy().min() and batch[name].numpy().max() <= 1
        assert batch[name].numpy().std() > 0.05


def test_an_epoch_has_its_steps_and_every_triplet_at_most_once(config):
    assert pipeline.steps_per_epoch(config) == 3
    keys = [key for batch in batches(config) for key in batch["key"].numpy()]
    assert len(keys) == len(set(keys)) == 12


def test_starting_later_gives_the_same_batches(config):
    everything = batches(config, 0, 4)
    assert len(everything) == 12
    tf.random.set_seed(99)  # the global seed must not matter
    for epoch in range(4):
        later = batches(config, epoch, epoch + 1)
        assert all(same(a, b) for a, b in zip(everything[3 * epoch : 3 * epoch + 3], later))
    assert all(same(a, b) for a, b in zip(everything[6:], batches(config, 2, 4)))


def test_skipped_steps_are_left_out_of_the_first_epoch(config):
    whole = batches(config, 1, 3)
    for skip in (1, 2):
        rest = list(pipeline.training_dataset(config, 1, 3, skip=skip))
        assert len(rest) == 6 - skip
        assert all(same(a, b) for a, b in zip(rest, whole[skip:]))


def test_epochs_and_seeds_differ_in_order_and_augmentation(config):
    first, second = batches(config, 0, 1), batches(config, 1, 2)
    other = batches(dataclasses.replace(config, seed=4))
    for runs in ((first, second), (first, other)):
        keys = [[list(b["key"].numpy()) for b in run] for run in runs]
        assert keys[0] != keys[1]
        assert not np.array_equal(runs[0][0]["resize"], runs[1][0]["resize"])


def test_more_steps_than_data_take_several_passes(config):
    many = dataclasses.replace(config, steps_per_epoch=8)
    assert pipeline.steps_per_epoch(many) == 8
    run = batches(many)
    assert len(run) == 8
    keys = [key for batch in run for key in batch["key"].numpy()]
    assert len(set(keys[:14])) == len(set(keys[14:28])) == 14 and keys[:14] != keys[14:28]
    factors = np.concatenate([batch["resize"] for batch in run])
    assert len(set(factors.tolist())) > 14  # a second pass is augmented anew


def test_fewer_steps_cap_the_epoch(config):
    few = dataclasses.replace(config, steps_per_epoch=2)
    assert len(batches(few, 0, 3)) == 6


def test_a_batch_larger_than_the_data_is_an_error(config):
    with pytest.raises(ValueError, match="14 triplets do not fill a batch of 15.*--batch_size"):
        pipeline.steps_per_epoch(dataclasses.replace(config, batch_size=15))


@pytest.mark.parametrize("flip", [False, True])
def test_crop_intrinsics_and_grid_belong_together(config, raw_dir, flip):
    """Rays of the crop, looked up in the stored image through its K, show the crop's colors;
    its grid gives the same place."""
    options = {**PLAIN, "flip": flip, "resize_min": 1.0, "resize_max": 1.6}
    mirrored = 0
    for batch in batches(dataclasses.replace(config, **options)):
        rays = camera.pixel_rays(batch["intrinsics"], 16, 48).numpy()
        for i, key in enumerate(batch["key"].numpy()):
            frames = stored(raw_dir, key)
            seen = np.stack([batch["references"][i, 0], batch["target"][i]])
            errors = []
            for sign in (1, -1):  # the mirrored image shows the mirrored world
                pixels = rays[i] * [sign, 1, 1] @ kitti_tree.K[2].T
                expected = bilinear(frames[:2], pixels[..., 0], pixels[..., 1])
                errors.append(np.nanmax(np.abs(seen - expected)))
                # The whole resized image has corner pixel centers at +-1.
                size = np.array([80, 24]) * batch["resize"][i].numpy()
                u = ((pixels[..., 0] + 0.5) / 80 * size[0] - 0.5) / (size[0] - 1) * 2 - 1
                if errors[-1] < 0.02:
                    np.testing.assert_allclose(sign * u, batch["grid"][i, ..., 0], atol=0.02)
            assert min(errors) < 0.02 < max(errors)
            mirrored += errors[1] < 0.02
    assert 0 < mirrored < 12 if flip else mirrored == 0


def bilinear(frames, u, v):
    """Frames [n, h, w, 3] at pixel positions; NaN where a neighbor is missing."""
    u0, v0 = np.floor(u).astype(int), np.floor(v).astype(int)
    bad = (u0 < 0) | (v0 < 0) | (u0 > frames.shape[2] - 2) | (v0 > frames.shape[1] - 2)
    u0, v0 = np.where(bad, 0, u0), np.where(bad, 0, v0)
    a, b = (u - u0)[..., None], (v - v0)[..., None]
    top = frames[:, v0, u0] * (1 - a) + frames[:, v0, u0 + 1] * a
    bottom = frames[:, v0 + 1, u0] * (1 - a) + frames[:, v0 + 1, u0 + 1] * a
    return np.where(bad[..., None], np.nan, top * (1 - b) + bottom * b)


def test_time_reversal_swaps_the_references_half_the_time(config, raw_dir):
    options = {**PLAIN, "time_reversal": True, "depth_scaling": "none"}
    config = dataclasses.replace(config, **options, crop_height=24, crop_width=80)
    swapped = 0
    for batch in batches(config, 0, 3):
        for i, key in enumerate(batch["key"].numpy()):
            frames = stored(raw_dir, key)
            np.testing.assert_allclose(batch["target"][i], frames[1], atol=1e-5)
            references = batch["references"][i].numpy()
            order = [2, 0] if np.abs(references[0] - frames[2]).max() < 1e-5 else [0, 2]
            np.testing.assert_allclose(references, frames[order], atol=1e-5)
            swapped += order == [2, 0]
    assert 6 < swapped < 30


def test_photometry_is_shared_by_all_frames_and_sizes(config):
    """Crops that are the whole frame at PoseNet's size must equal the low-resolution frames."""
    size = {"pose_input_height": 16, "pose_input_width": 48}
    config = dataclasses.replace(config, depth_scaling="none", **size)
    plain = dataclasses.replace(config, photometric=False)
    changed = 0
    for batch, before in zip(batches(config), batches(plain)):
        np.testing.assert_array_equal(batch["target"], batch["target_low"])
        np.testing.assert_array_equal(batch["references"], batch["references_low"])
        changed += np.abs(batch["target"] - before["target"]).max() > 0.01
        for i in range(4):  # one and the same monotonic curve for each channel of the triplet
            for channel in range(3):
                x, y = (
                    np.ravel([b["target"][i, ..., channel], b["references"][i, 0, ..., channel]])
                    for b in (before, batch)
                )
                assert (np.diff(y[np.argsort(x)]) > -1e-5).all()
    assert changed == 3


def test_without_depth_scaling_whole_frames_are_used(config):
    config = dataclasses.replace(config, depth_scaling="none", flip=False)
    for batch in batches(config):
        np.testing.assert_array_equal(batch["resize"], np.ones(4))
        whole = camera.positional_grid(16, 48)
        np.testing.assert_allclose(batch["grid"][0], whole, atol=1e-6)
        expected = camera.resize_intrinsics(kitti_tree.K[2], 48 / 80, 16 / 24)
        np.testing.assert_allclose(batch["intrinsics"][0], expected, rtol=1e-5)


def test_validation_is_whole_frames_in_order(config, data_dir, raw_dir):
    runs = [list(pipeline.validation_dataset(config, str(data_dir))) for _ in range(2)]
    assert pipeline.validation_dataset(config, str(data_dir)).cardinality() == 4
    assert [len(batch["key"]) for batch in runs[0]] == [4, 4, 4, 2]
    assert all(same(a, b) for a, b in zip(*runs))
    keys = [key for batch in runs[0] for key in batch["key"].numpy()]
    files = [str(data_dir / shard["name"]) for shard in manifest.read(data_dir)["shards"]]
    assert keys == [records.parse(r)["key"].numpy() for r in tf.data.TFRecordDataset(files)]
    batch = runs[0][0]
    assert batch["resize"][0].numpy() == pytest.approx(np.sqrt(48 / 80 * 16 / 24))
    frames = stored(raw_dir, keys[0])
    expected = tf.image.resize(frames, [16, 48], antialias=True)
    np.testing.assert_allclose(batch["target"][0], expected[1], atol=1e-5)
    np.testing.assert_allclose(batch["references"][0], tf.gather(expected, [0, 2]), atol=1e-5)


@pytest.mark.parametrize("entry", ["training", "validation"])
def test_a_data_set_that_does_not_match_is_refused(config, data_dir, tmp_path, entry):
    copy = shutil.copytree(data_dir, tmp_path / "records")
    config = dataclasses.replace(config, data_dir=str(copy))

    def start():
        if entry == "training":
            return pipeline.training_dataset(config, 0, 1)
        return pipeline.validation_dataset(config, str(copy))

    start()
    shard = copy / manifest.read(copy)["shards"][2]["name"]
    shard.write_bytes(shard.read_bytes() + b"x")
    with pytest.raises(ValueError, match=f"{shard}.*run the command that wrote it"):
        start()
    (copy / manifest.NAME).unlink()
    with pytest.raises(ValueError, match="manifest.json: no such file"):
        start()


def test_small_shuffle_windows_still_give_every_triplet(config, monkeypatch):
    monkeypatch.setattr(mixture, "SHUFFLE_RECORDS", 4)
    config = dataclasses.replace(config, batch_size=2)
    keys = [[k for b in batches(config, e, e + 1) for k in b["key"].numpy()] for e in (0, 1)]
    assert len(set(keys[0])) == 14 and sorted(keys[0]) == sorted(keys[1]) and keys[0] != keys[1]


@pytest.mark.skipif(not REAL, reason="AQUANET_REAL_DATA is not set")
def test_real_kitti_at_the_papers_sizes(tmp_path):
    from data_prep.layouts import kitti

    raw = pathlib.Path(REAL) / "kitti_raw"
    kitti.prepare(kitti.Options(str(raw), str(tmp_path / "out"), threads=2))
    config = Config(data_dir=str(tmp_path / "out"), batch_size=8, **PLAIN)
    factors, neighbors, strangers = [], [], []
    for batch in batches(config):
        assert batch["target"].shape == (8, 192, 640, 3)
        factors += batch["resize"].numpy().tolist()
        target = batch["target"].numpy()
        neighbors.append(np.abs(target[:, None] - batch["references"]).mean())
        strangers.append(np.abs(target - np.roll(target, 1, axis=0)).mean())
    # Neighbors at 10 Hz are alike, windows of other frames are not.
    assert 0.005 < min(neighbors) and np.mean(neighbors) < 0.6 * np.mean(strangers)
    assert 0.51 < min(factors) < 0.75 and 1.2 < max(factors) < 1.51
