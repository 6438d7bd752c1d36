"""What a workdir holds after saves that went well, were killed, or found the disk full."""

import contextlib
import resource

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.networks import build
from aquanet_tf.runs import checkpoint
from aquanet_tf.runs.checkpoint import Checkpoints, Position
from tests.support import runs


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    workdir = runs.write(tmp_path_factory.mktemp("checkpoints") / "run")
    return build.build_networks(Config.load(workdir / "config.json"))


def state(workdir, networks, **options):
    named = dict(zip(("aquanet", "posenet"), networks))
    return Checkpoints(workdir, named, {}, means=("loss",), **options)


def names(folder):
    return sorted(path.stem for path in folder.glob("*.index"))


@contextlib.contextmanager
def largest_file(size):
    """As on a full disk: no file grows beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_inside_an_epoch_one_is_kept_and_goes_with_its_end(networks, tmp_path):
    saved = state(tmp_path, networks, keep=2)
    assert saved.restore() is None
    saved.save(0)
    assert names(tmp_path / "unfinished") == ["epoch-0-step-0"]
    assert state(tmp_path, networks).restore() == Position(0)
    for epoch in (1, 2, 3):
        saved.save(epoch)
    assert names(tmp_path / "checkpoints") == ["ckpt-2", "ckpt-3"]
    assert not (tmp_path / "unfinished").exists()
    saved.save(3, 5, {"loss": (2.5, 5.0)})
    saved.save(3, 10, {"loss": (4.5, 10.0)})
    assert names(tmp_path / "unfinished") == ["epoch-3-step-10"]
    again = state(tmp_path, networks)
    assert again.restore() == Position(3, 10) and again.sums == {"loss": (4.5, 10.0)}
    assert again.restore(unfinished=False) == Position(3)
    saved.save(4)
    assert state(tmp_path, networks).restore() == Position(4)


def test_the_newest_one_counts_whatever_a_kill_left(networks, tmp_path):
    saved = state(tmp_path, networks)
    saved.save(1)
    saved.save(1, 7)
    kept = {path: path.read_bytes() for path in (tmp_path / "unfinished").iterdir()}
    saved.save(2)
    # Killed after the epoch was saved, before what had become stale was removed.
    (tmp_path / "unfinished").mkdir()
    for path, content in kept.items():
        path.write_bytes(content)
    assert state(tmp_path, networks).restore() == Position(2)
    # Removing the newest by hand leads back to the one before it.
    for path in (tmp_path / "checkpoints").glob("ckpt-2.*"):
        path.unlink()
    assert state(tmp_path, networks).restore() == Position(1, 7)


def test_half_written_files_are_ignored_and_removed(networks, tmp_path):
    saved = state(tmp_path, networks)
    saved.save(1)
    folder = tmp_path / "checkpoints"
    (folder / "ckpt-2_temp").mkdir()
    (folder / "ckpt-2_temp" / "part-00000-of-00001.data-00000-of-00001").write_text("half")
    (folder / "ckpt-2.index.tempstate123").write_text("half")
    (folder / "ckpt-2.data-00000-of-00001").write_text("half")
    (folder / "ckpt-2.index").write_text("half")
    assert state(tmp_path, networks).restore() == Position(1)
    saved.save(2)
    assert state(tmp_path, networks).restore() == Position(2)
    assert not list(folder.glob("*temp*"))


def test_one_of_before_there_were_steps_still_counts(networks, tmp_path):
    named = {n: checkpoint.named_weights(w) for n, w in zip(("aquanet", "posenet"), networks)}
    old = tf.train.Checkpoint(epoch=tf.Variable(2, dtype=tf.int64), **named)
    manager = tf.train.CheckpointManager(old, str(tmp_path / "checkpoints"), max_to_keep=3)
    manager.save(checkpoint_number=2)
    assert state(tmp_path, networks).restore() == Position(2)


@pytest.mark.parametrize("size", [100, 20_000])
@pytest.mark.parametrize("step", [0, 4])
def test_a_full_disk_leaves_the_checkpoint_before(networks, tmp_path, size, step):
    saved = state(tmp_path, networks)
    saved.save(2, step)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(OSError) as raised, largest_file(size):
        saved.save(3, step)
    said = str(raised.value)
    assert "cannot be written (" in said and "File too large" in said and "MB" in said
    assert f"the last good checkpoint is {saved.newest()}" in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert state(tmp_path, networks).restore() == Position(2, step)
    saved.save(3, step)
    assert state(tmp_path, networks).restore() == Position(3, step)


def test_too_little_room_is_said_before_the_first_step(networks, tmp_path, monkeypatch):
    saved = state(tmp_path, networks, keep=3)
    free = {}

    def usage(path):
        return type("Usage", (), {"free": free["bytes"]})

    monkeypatch.setattr(checkpoint.shutil, "disk_usage", usage)
    size = 4 * sum(network.count_params() for network in networks)
    free["bytes"] = 6 * size
    saved.require_room()
    free["bytes"] = 4 * size
    with pytest.raises(OSError, match="MB free, its checkpoints need .* --keep_checkpoints"):
        saved.require_room()
    # What is there already need not be found room for again.
    saved.save(1)
    saved.save(2)
    saved.require_room()


def test_weights_that_are_not_finite_replace_nothing(networks, tmp_path):
    saved = state(tmp_path, networks)
    saved.save(1)
    weight = networks[1].weights[0]
    good = weight.numpy()
    try:
        weight.assign(np.full_like(good, np.nan))
        with pytest.raises(ValueError, match="weight posenet/.* is not finite.*ckpt-1"):
            saved.save(2)
    finally:
        weight.assign(good)
    assert names(tmp_path / "checkpoints") == ["ckpt-1"]


@pytest.mark.parametrize("name", ["run [lr=1e-4]", "[v2]", "a*b", "a?b", "back\\slash", "ü 1"])
def test_a_run_may_have_any_name(networks, tmp_path, name):
    """TensorFlow alone reads some of them as patterns: it finds nothing, and removes nothing."""
    neighbor, workdir = tmp_path / "aXb", tmp_path / name
    state(neighbor, networks).save(1)
    saved = state(workdir, networks, keep=2)
    for epoch in range(5):
        saved.save(epoch)
        saved.save(epoch, 3)
    saved.save(5)
    assert names(workdir / "checkpoints") == ["ckpt-4", "ckpt-5"]
    assert not (workdir / "unfinished").exists()
    again = state(workdir, networks)
    assert again.newest() == str(workdir / "checkpoints" / "ckpt-5")
    assert again.restore() == Position(5)
    assert checkpoint.holds(again.newest(), "posenet")
    assert not checkpoint.holds(again.newest(), "frozen")
    assert names(neighbor / "checkpoints") == ["ckpt-1"]
    moved = workdir.rename(tmp_path / "moved")
    assert state(moved, networks).restore() == Position(5)


def test_what_an_error_says_of_a_checkpoint(networks, tmp_path):
    state(tmp_path, networks).save(1)
    index, data = sorted((tmp_path / "checkpoints").glob("ckpt-1.*"), reverse=True)

    def said(file, content):
        before = file.read_bytes()
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        again = state(tmp_path, networks)
        with pytest.raises(ValueError) as raised:
            again.restore_from(tmp_path / "checkpoints" / "ckpt-1")
        file.write_bytes(before)
        return str(raised.value)

    for file in (index, data):
        cut, gone = said(file, file.read_bytes()[:50]), said(file, None)
        assert "ckpt-1: is damaged (" in cut and "Remove its files" in cut
        assert "ckpt-1" in gone and "emove" not in gone and "damaged" not in gone
    wrong = bytearray(data.read_bytes())
    wrong[len(wrong) // 2] ^= 255
    assert "is damaged" in said(data, bytes(wrong))
    wide = build.build_networks(Config(width=0.2, pose_network_width=0.1, levels=5))
    with pytest.raises(ValueError, match="ckpt-1: does not fit the networks of .*config.json") as e:
        state(tmp_path, wide).restore_from(tmp_path / "checkpoints" / "ckpt-1")
    assert "emove" not in str(e.value)
