"""Cached masks: those that the network would make, kept whole, and following every crop."""

import dataclasses
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aquanet_tf import files as files_module
from aquanet_tf.config import Config, fields
from aquanet_tf.config.retired import KEPT
from aquanet_tf.data import pipeline
from aquanet_tf.geometry import camera
from aquanet_tf.masks import spimo
from aquanet_tf.networks import build
from aquanet_tf.runs import load_run
from aquanet_tf.training import mask_cache
from tests.support import commands, runs

SETTINGS = {
    "stage": "2",
    "batch_size": 2,
    "crop_height": 16,
    "crop_width": 48,
    "pose_input_height": 16,
    "pose_input_width": 40,
    "spimo_threshold": 3e-3,
    "photometric": False,
}
K = tf.constant([[[40.0, 0, 39], [0, 40.0, 11], [0, 0, 1]]])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    workdir = runs.write(tmp_path_factory.mktemp("cache") / "run", height=24, width=80)
    return load_run(workdir)


@pytest.fixture(scope="module")
def options(data_dir):
    return Config(data_dir=str(data_dir), **SETTINGS)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("cache") / "stage2"


@pytest.fixture(scope="module")
def folder(run, options, workdir):
    return mask_cache.prepare(run, options, workdir)[0]


def read(path):
    return np.asarray(Image.open(path))


def test_every_frame_has_the_mask_that_is_made_online(folder, run, options, raw_dir):
    files = files_module.read(folder / mask_cache.INDEX)["files"]
    assert len(files) == len({path for path in folder.rglob("*.png")}) > 14
    static = lost = 0
    for name in files:
        drive, frame = name.rsplit("/", 1)
        image = tf.constant(read(raw_dir / drive / "data" / frame)[None] / 255.0, tf.float32)
        grid = camera.positional_grid(24, 80)[None]
        online = spimo.masks(spimo.source(run.aquanet, run.config), image, grid, K, options)
        mask = read(folder / name)
        assert set(np.unique(mask)) <= {0, 255}
        static += (mask == 255).sum()
        lost += ((mask == 255) != (online.numpy()[0, ..., 0] == 1)).sum()
    assert 0 < static < 24 * 80 * len(files)
    # Dispersions next to the threshold may fall on either side in another batch size.
    assert lost <= 0.002 * 24 * 80 * len(files)


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


def test_what_is_there_is_kept_and_what_is_missing_or_damaged_is_made(
    run, options, tmp_path, folder
):
    (made,) = mask_cache.prepare(run, options, tmp_path)
    assert made.name == folder.name
    before = times(made)
    mask_cache.prepare(run, options, tmp_path)
    assert times(made) == before
    paths = sorted(before)
    content = [read(path) for path in paths]
    paths[0].write_bytes(paths[0].read_bytes()[:20])  # damaged
    paths[1].unlink()
    mask_cache.prepare(run, options, tmp_path)
    (made / mask_cache.INDEX).unlink()  # interrupted
    paths[2].unlink()
    mask_cache.prepare(run, options, tmp_path)
    assert (made / mask_cache.INDEX).is_file()
    for path, expected in zip(paths, content):
        np.testing.assert_array_equal(read(path), expected)
    assert [times(made)[path] == before[path] for path in paths] == [False] * 3 + [True] * (
        len(paths) - 3
    )
    assert not [path for path in made.rglob(".*")]


def test_other_options_or_weights_have_another_place(run, options):
    info = {"shards": [{"sha256": "0"}]}
    names = {mask_cache.fingerprint(run, options, info)}
    names.add(mask_cache.fingerprint(run, dataclasses.replace(options, spimo_threshold=0.1), info))
    names.add(mask_cache.fingerprint(run, dataclasses.replace(options, spimo_margin=1), info))
    names.add(mask_cache.fingerprint(run, options, {"shards": [{"sha256": "1"}]}))
    other = build.build_depth_network(run.config)
    names.add(mask_cache.fingerprint(dataclasses.replace(run, aquanet=other), options, info))
    assert len(names) == 5
    # What no mask depends on changes nothing.
    same = dataclasses.replace(options, learning_rate=1.0)
    assert mask_cache.fingerprint(run, same, info) in names
    younger = {"ema": 0.9, "synthesis": "l1_ssim", "rate_schedule": "cosine", "working_height": 48}
    like = dataclasses.replace(run, config=dataclasses.replace(run.config, **younger))
    assert mask_cache.fingerprint(like, options, info) in names
    higher = dataclasses.replace(run, data={**run.data, "working_height": 48})
    assert mask_cache.fingerprint(higher, options, info) not in names


def test_masks_of_earlier_versions_stay_valid():
    """What the fingerprint covers of the network's options is what an old config.json recorded."""
    path = commands.ROOT / "pretrained" / "street" / "config.json"
    assert mask_cache._of_the_network(Config.load(path)) == files_module.read(path)


class Network:
    """One whose weights are known."""

    def get_weights(self):
        return [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, np.float32)]


def fingerprint(network=None, height=48, **options):
    """Of known weights: `network` are the options of the run, `options` those of its stage 2."""
    config = mask_cache.Config(**(network or {}))
    run = types.SimpleNamespace(config=config, aquanet=Network(), working_height=height)
    two = mask_cache.Config(stage="2", stage1_workdir="runs/one", **options)
    return mask_cache.fingerprint(run, two, {"shards": [{"sha256": "a"}, {"sha256": "b"}]})


AUTHORS = {"spimo_passes": 3, "spimo_renormalize": True, "spimo_source": "boosted"}
SMALL = {"levels": 13, "width": 0.5, "seed": 4, "epochs": 20, "kickstart_epochs": 3}
LATER = {"ema": 0.9, "synthesis": "l1_ssim", "working_height": 96, "init_from": "x"}


@pytest.mark.parametrize(
    "network, height, options, expected",
    [
        ({}, 48, {}, "4419a66eb0114b61"),
        ({}, 48, {"spimo_threshold": 0.1, **AUTHORS}, "1700510c8b9d0338"),
        ({}, 48, {"spimo_margin": 3}, "393a5eed97733b8c"),
        (SMALL, 48, {}, "30a7ccf2e41ed488"),
        ({**LATER, "warmup_epochs": 2, "learn_intrinsics": True}, 96, {}, "08d7545ad0e3cb45"),
        ({"spimo_margin": 2, "grid_shift": 0.5}, 48, {"spimo_margin": 2}, "e7169c2f2cdf51a0"),
    ],
)
def test_caches_keep_their_names(network, height, options, expected):
    """The values are those of an earlier version: with others, everybody's masks are made again."""
    assert fingerprint(network, height, **options) == expected


def test_a_new_option_counts_where_it_is_not_its_default(monkeypatch):
    """One that masks depend on counts in stage 2, and any option counts for the network."""
    before = fingerprint()
    new = [
        ("spimo_new", int, fields.option(2, "", affects="masks")),
        ("new", str, fields.option("off", "")),
    ]
    future = dataclasses.make_dataclass("Future", new, bases=(Config,), frozen=True)
    monkeypatch.setattr(mask_cache, "Config", future)
    assert fingerprint() == fingerprint(spimo_new=2) == fingerprint(new="on") == before
    others = [fingerprint(spimo_new=0), fingerprint({"spimo_new": 0}), fingerprint({"new": "on"})]
    assert len({before, *others}) == 4


def pattern(number, u, v):
    """Frame 0, 3, 6... static on the left, 1, 4, ... on top, 2, 5, ... everywhere."""
    return (u < 0, v < 0, u < 9)[number % 3]


@pytest.fixture(scope="module")
def drawn(folder, tmp_path_factory):
    """A directory of masks that say what a pixel's place is."""
    out = tmp_path_factory.mktemp("cache") / "drawn"
    v, u = np.mgrid[-1:1:24j, -1:1:80j]
    for name in files_module.read(folder / mask_cache.INDEX)["files"]:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        static = pattern(int(path.stem), u, v)
        Image.fromarray(np.where(static, 255, 0).astype(np.uint8)).save(path)
    return out


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_masks_follow_crop_flip_and_time(options, drawn, flip, reverse):
    options = dataclasses.replace(options, flip=flip, time_reversal=reverse)
    seen = set()
    for batch in pipeline.training_dataset(options, 0, 2, [drawn]):
        for i in range(2):
            number = int(batch["key"][i].numpy().decode().rsplit("/", 1)[1])
            u, v = (batch["grid"][i, ..., axis].numpy() for axis in (0, 1))
            clear = (np.abs(u) > 0.05) & (np.abs(v) > 0.1)
            got = [batch["target_mask"][i], *batch["reference_masks"][i]]
            got = [mask.numpy()[..., 0] == 1 for mask in got]

            def fits(mirrored, backwards, got=got, number=number, u=u, v=v, clear=clear):
                step = -1 if backwards else 1
                numbers = (number, number - step, number + step)
                return all(
                    np.array_equal(mask[clear], pattern(n, -u if mirrored else u, v)[clear])
                    for mask, n in zip(got, numbers)
                )

            found = {(m, b) for m in (False, True) for b in (False, True) if fits(m, b)}
            assert found and (flip or any(not m for m, _ in found))
            assert reverse or any(not b for _, b in found)
            if len(found) == 1:
                seen |= found
    assert {m for m, _ in seen} == ({False, True} if flip else {False})
    assert {b for _, b in seen} == ({False, True} if reverse else {False})


def test_everything_else_in_the_batch_stays(options, drawn):
    plain = next(iter(pipeline.training_dataset(options, 0, 1)))
    masked = next(iter(pipeline.training_dataset(options, 0, 1, [drawn])))
    assert set(masked) - set(plain) == {"target_mask", "reference_masks"}
    for name, value in plain.items():
        np.testing.assert_array_equal(value, masked[name])
    assert masked["target_mask"].shape == (2, 16, 48, 1)
    assert masked["reference_masks"].shape == (2, 2, 16, 48, 1)


def test_several_sets_have_masks_of_their_own_although_their_drives_have_one_name(
    run, options, data_dir, pair_of_sets, tmp_path
):
    small = pair_of_sets[1]
    both = dataclasses.replace(options, data_dir=f"{data_dir},{small}")
    folders = mask_cache.prepare(run, both, tmp_path)
    assert len(set(folders)) == 2 and all((f / mask_cache.INDEX).is_file() for f in folders)
    sizes = [{read(path).shape for path in folder.rglob("*.png")} for folder in folders]
    assert sizes == [{(24, 80)}, {(18, 60)}]
    # Masks of one set say static everywhere, those of the other nowhere.
    for folder, value in zip(folders, (255, 0)):
        for path in folder.rglob("*.png"):
            Image.fromarray(np.full_like(read(path), value)).save(path)
    seen = set()
    for batch in pipeline.training_dataset(both, 0, 1, folders):
        for key, static in zip(batch["key"].numpy(), batch["target_mask"].numpy()):
            assert static.min() == static.max()
            seen.add((key, static.max()))
    # All 14 triplets of the one, and the four that the other has too.
    assert len(seen) == 18 and sum(value == 0 for _, value in seen) == 4


def test_the_options_that_masks_do_not_depend_on_exist():
    """A name that is not one would be compared in vain after an option is renamed."""
    names = {field.name for field in dataclasses.fields(Config)}
    assert mask_cache._FIRST - set(KEPT) <= names and mask_cache._BY_WEIGHTS <= names
