import errno
import json
import os
import pathlib
import shutil

import pytest
from hypothesis import strategies as st

from aquanet_tf.data import manifest
from tests.support import fuzz


@pytest.fixture
def copy(data_dir, tmp_path):
    """A data set that a test may spoil."""
    return shutil.copytree(data_dir, tmp_path / "records")


def change(folder, **values):
    info = json.loads((folder / manifest.NAME).read_text())
    (folder / manifest.NAME).write_text(json.dumps({**info, **values}))


def test_a_good_data_set_passes(data_dir):
    info = manifest.verify(data_dir)
    assert info["count"] == 14 and (info["image_height"], info["image_width"]) == (24, 80)
    assert info["schema_version"] == 1  # without distances, as earlier versions wrote it
    assert sum(shard["count"] for shard in info["shards"]) == 14
    assert manifest.verify(data_dir, hashes=False) == info


def test_missing_manifest_names_file_and_fix(copy):
    (copy / manifest.NAME).unlink()
    with pytest.raises(ValueError, match=f"{copy}/manifest.json: no such file.*data_prep"):
        manifest.verify(copy)


def test_no_data_dir_is_said_so():
    with pytest.raises(ValueError, match="--data_dir is empty"):
        manifest.verify("")


def test_missing_shard(copy):
    shard = manifest.read(copy)["shards"][1]["name"]
    (copy / shard).unlink()
    with pytest.raises(ValueError, match=f"{shard}: missing shard; run the command that wrote it"):
        manifest.verify(copy)


def test_truncated_shard(copy):
    shard = manifest.read(copy)["shards"][0]["name"]
    (copy / shard).write_bytes((copy / shard).read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{shard}: .* bytes, the manifest says"):
        manifest.verify(copy, hashes=False)


def test_changed_byte_needs_the_hash(copy):
    shard = manifest.read(copy)["shards"][0]["name"]
    data = bytearray((copy / shard).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / shard).write_bytes(data)
    manifest.verify(copy, hashes=False)
    with pytest.raises(ValueError, match=f"{shard}: content differs"):
        manifest.verify(copy)


def test_bytes_are_read_once_for_each_version_of_a_file(copy, monkeypatch):
    read, sha256 = [], manifest.sha256
    monkeypatch.setattr(manifest, "sha256", lambda path: read.append(str(path)) or sha256(path))
    shards = [str(copy / shard["name"]) for shard in manifest.read(copy)["shards"]]
    for _ in range(3):
        manifest.verify(copy)
    assert sorted(read) == sorted(shards)
    data = pathlib.Path(shards[0]).read_bytes()
    pathlib.Path(shards[0]).write_bytes(data)
    manifest.verify(copy)
    assert read[len(shards) :] == shards[:1]


def test_other_schema_version(copy):
    change(copy, schema_version=99)
    words = "manifest.json: schema version 99, this code reads up to 2"
    with pytest.raises(ValueError, match=words):
        manifest.verify(copy)


def test_counts_that_do_not_add_up(copy):
    change(copy, count=15)
    with pytest.raises(ValueError, match="manifest.json: counts do not add up"):
        manifest.verify(copy)


@pytest.mark.parametrize("text", ["", "[1]", "{}", "null", '{"schema_version": 1}'])
def test_damaged_manifest(copy, text):
    (copy / manifest.NAME).write_text(text)
    with pytest.raises(ValueError, match="manifest.json: damaged manifest"):
        manifest.verify(copy)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 99) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "count", "bytes", "sha256"]), inner, max_size=4)
    ),
    max_leaves=6,
)


@fuzz.lengths(100)
def test_a_manifest_with_anything_in_it_is_read_or_named(data_dir, tmp_path, examples):
    def check(name, value):
        info = manifest.read(data_dir)
        if name == "shard":
            info["shards"][1] = value
        else:
            info[name] = value
        (tmp_path / manifest.NAME).write_text(json.dumps(info))
        try:
            manifest.verify(tmp_path)
        except ValueError as error:
            assert str(tmp_path) in str(error) and "\n" not in str(error)
        else:
            assert info["shards"] == [] or name == "image_height"

    names = st.sampled_from(["count", "image_format", "image_height", "shards", "shard"])
    fuzz.run(examples, check, names, anything)


@fuzz.lengths(100)
def test_a_damaged_manifest_is_read_or_named(data_dir, tmp_path, examples):
    whole = (data_dir / manifest.NAME).read_bytes()

    def check(at, change, cut):
        data = bytearray(whole)
        data[at] ^= change
        (tmp_path / manifest.NAME).write_bytes(data[:at] if cut else data)
        try:
            info = manifest.read(tmp_path)
        except ValueError as error:
            assert str(tmp_path) in str(error)
        else:
            assert not cut or at >= len(data) - 1
            assert {type(shard["bytes"]) for shard in info["shards"]} == {int}

    positions = st.integers(0, len(whole) - 1)
    fuzz.run(examples, check, positions, st.integers(1, 255), st.booleans())


def test_write_leaves_no_temporary_file(tmp_path):
    manifest.write(tmp_path, {"schema_version": 1})
    assert [path.name for path in tmp_path.iterdir()] == [manifest.NAME]


def test_a_full_disk_names_the_file_and_keeps_the_old_one(tmp_path, monkeypatch):
    manifest.write(tmp_path, {"schema_version": 1})
    before = (tmp_path / manifest.NAME).read_text()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="cannot write .*manifest.json: No space left"):
        manifest.write(tmp_path, {"schema_version": 2})
    assert [path.name for path in tmp_path.iterdir()] == [manifest.NAME]
    assert (tmp_path / manifest.NAME).read_text() == before
