"""The Beam pipeline writes what threads write, byte for byte, and fails as clearly."""

import importlib.util
import pickle
import shutil

import pytest
from PIL import Image

from aquanet_tf.data import manifest
from data_prep.dataset import beam
from data_prep.layouts import kitti
from tests.support import kitti_tree
from tests.support.records import contents

SHARDS = {"shard_size": 5, "image_format": "png"}
needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None, reason="apache_beam is not installed"
)


def prepare(raw, out, **options):
    return kitti.prepare(kitti.Options(str(raw), str(out), runner="beam", **SHARDS, **options))


def first_frame(raw):
    return raw / kitti_tree.drive_name(1) / "image_02/data/0000000003.png"


@needs_beam
def test_shards_and_manifest_are_those_of_threads(raw_dir, data_dir, tmp_path):
    prepare(raw_dir, tmp_path / "out", threads=2)
    assert contents(tmp_path / "out") == contents(data_dir)


@needs_beam
def test_jpeg_and_dropped_frames_too(tmp_path):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(12))])
    first_frame(raw).write_bytes(b"damaged")
    for name, runner in (("threads", "threads"), ("beam", "beam")):
        options = {"height": 12, "shard_size": 3, "static_filter": False, "max_bad": 0.5}
        out = str(tmp_path / name)
        kitti.prepare(kitti.Options(str(raw), out, runner=runner, threads=2, **options))
    assert contents(tmp_path / "beam") == contents(tmp_path / "threads")
    assert len(manifest.read(tmp_path / "beam")["dropped_files"]) == 1


@needs_beam
def test_it_completes_what_threads_began_and_the_reverse(raw_dir, data_dir, tmp_path):
    out = shutil.copytree(data_dir, tmp_path / "out")
    (out / "triplets-00001-of-00003.tfrecord").unlink()
    prepare(raw_dir, out, beam_options="--runner=FnApiRunner")
    assert contents(out) == contents(data_dir)


@needs_beam
def test_the_users_mistake_is_named_and_the_other_shards_are_kept(tmp_path):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(12))])
    good = first_frame(raw).read_bytes()
    Image.new("RGB", (40, 12)).save(first_frame(raw))
    with pytest.raises(ValueError, match=r"^\S+/0000000003.png: 12x40, but the calibration"):
        prepare(raw, tmp_path / "out", static_filter=False)
    assert not (tmp_path / "out" / manifest.NAME).exists()
    first_frame(raw).write_bytes(good)
    assert prepare(raw, tmp_path / "out", static_filter=False)["count"] == 10
    assert sorted(contents(tmp_path / "out"))[0] == "manifest.json"


@needs_beam
def test_an_unknown_runner_is_named(raw_dir, tmp_path):
    with pytest.raises(ValueError, match="NoRunner"):
        prepare(raw_dir, tmp_path / "out", beam_options="--runner=NoRunner")


def test_a_shard_can_be_sent_to_a_worker(raw_dir, data_dir, tmp_path, monkeypatch):
    """Beam pickles shards and what encodes them, functions by the path of their module."""
    sent = []

    def runner(options, threads):
        return sent.extend

    monkeypatch.setattr(beam, "runner", runner)
    with pytest.raises(OSError, match="no worker wrote it"):
        prepare(raw_dir, tmp_path / "out")
    write = pickle.loads(pickle.dumps(beam.write))
    for shard in pickle.loads(pickle.dumps(sent)):
        write(shard)
    assert prepare(raw_dir, tmp_path / "out")["count"] == 14
    assert contents(tmp_path / "out") == contents(data_dir)


@pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is not None, reason="apache_beam is installed"
)
def test_without_beam_the_fix_is_said_before_anything_is_written(raw_dir, tmp_path):
    with pytest.raises(ValueError, match="apache-beam.*make setup-beam"):
        prepare(raw_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()
