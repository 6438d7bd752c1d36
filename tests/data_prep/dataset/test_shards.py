"""One shard: whole or not there, in order, and its entry says what is in it."""

import concurrent.futures
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

tf = pytest.importorskip("tensorflow")
from aquanet_tf import files
from aquanet_tf.data import manifest
from data_prep.dataset import shards

SHARD = "triplets-00000-of-00002.tfrecord"


def encode(item):
    """Items below 0 are unreadable; every third one has a distance."""
    if item < 0:
        raise shards.Unreadable(f"{item}.png", "truncated")
    made_of = {"cameras": {"front": {"size": "8x4"}}, "files": {f"{item}.png": f"1 2 {item}"}}
    return shards.Encoded(f"record {item}".encode(), 4, 8 + item % 2, made_of, item % 3 == 0)


def write(folder, items, **kwargs):
    """Writes a shard; returns its records and its entry."""
    path = folder / SHARD
    shards.write_shard(shards.Shard(path, items, encode), **kwargs)
    data = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [int(record.split()[1]) for record in data], shards.read_entry(path)


@settings(max_examples=10)
@given(st.lists(st.integers(-3, 50), max_size=8))
def test_the_entry_says_what_is_in_the_shard(tmp_path_factory, items):
    folder = tmp_path_factory.mktemp("shards")
    seen = []
    records, entry = write(folder, items, advance=seen.append)
    good = [item for item in items if item >= 0]
    assert records == good and entry["count"] == len(good) == sum(entry["sizes"].values())
    assert manifest.compare(folder, entry) == "" and entry["name"] == SHARD
    assert [each["file"] for each in entry["dropped_files"]] == [f"{i}.png" for i in items if i < 0]
    assert entry.get("distances", 0) == sum(item % 3 == 0 for item in good)
    assert set(entry["sources"]["files"]) == {f"{item}.png" for item in good}
    assert len(seen) == len(items)
    assert {path.name for path in folder.iterdir()} == {SHARD, SHARD + shards.ENTRY}


@pytest.mark.parametrize("window", [1, 3, 100])
def test_threads_write_the_same_bytes_whatever_the_window(tmp_path, window):
    items = [3, -1, 2, 9, 4, 0, 7]
    for name in ("one", "threads"):
        (tmp_path / name).mkdir()
    write(tmp_path / "one", items)
    shard = shards.Shard(tmp_path / "threads" / SHARD, items, encode)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        shards.on_threads([shard], pool, window)
    for name in (SHARD, SHARD + shards.ENTRY):
        expected = (tmp_path / "one" / name).read_bytes()
        assert (tmp_path / "threads" / name).read_bytes() == expected


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyboardInterrupt()])
def test_an_interrupted_shard_is_not_there(tmp_path, error):
    """Neither a part of it under its name nor an entry; what was there before stays."""

    def fails(item):
        if item == 2:
            raise error
        return encode(item)

    shard = shards.Shard(tmp_path / SHARD, [1, 2, 3], fails)
    with pytest.raises(type(error)):
        shards.write_shard(shard)
    assert not list(tmp_path.iterdir()) and shards.read_entry(shard.path) is None
    write(tmp_path, [5])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(type(error)):
        shards.write_shard(shard)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_shard_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    path = tmp_path / "file" / SHARD
    with pytest.raises(OSError, match=f"^cannot write {path}: [^:]*; re-run the command") as caught:
        shards.write_shard(shards.Shard(path, [1], encode))
    assert "\n" not in str(caught.value)


@settings(max_examples=20)
@given(st.lists(st.integers(), max_size=12), st.integers(1, 5))
def test_results_come_in_order_and_few_are_ahead(items, window):
    started, lock = [], threading.Lock()

    def work(item):
        with lock:
            started.append(item)
        return item

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        found = []
        for result in shards.in_order(work, iter(items), pool, window):
            found.append(result)
            with lock:
                assert len(started) < len(found) + window
    assert found == items


@pytest.mark.parametrize("text", ["", "{", "\ufeff"])
def test_a_damaged_entry_is_none(tmp_path, text):
    path = tmp_path / SHARD
    assert shards.read_entry(path) is None
    shards.entry_path(path).write_text(text)
    assert shards.read_entry(path) is None


def test_leftovers_are_what_an_interrupted_run_leaves_and_nothing_of_the_user(tmp_path):
    left = [tmp_path / (SHARD + shards.ERROR)]
    with pytest.raises(RuntimeError), files.atomic(tmp_path / SHARD) as temporary:
        left.append(temporary)
        raise RuntimeError("killed")
    for path in left:
        path.write_text("")
    own = ["notes.tmp", ".hidden.tmp", SHARD, SHARD + shards.ENTRY, "error.tmp", "a" + shards.ERROR]
    for name in own:
        (tmp_path / name).write_text("")
    assert {path for path in tmp_path.iterdir() if shards.is_leftover(path)} == set(left)
    left[0].unlink()
    left[0].mkdir()
    assert not shards.is_leftover(left[0])
