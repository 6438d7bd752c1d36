"""The record of a data set's sources: the same however it is made, and changes in words."""

import copy
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.dataset import origins

FILES = ("a/0.png", "a/1.png", "b.txt")
CAMERA = {"size": "80x24", "K": [41.5, 0.0, 38.25, 0.0, 40.5, 11.75, 0.0, 0.0, 1.0]}

entries = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["1 2 a", "3 4 b"]), max_size=3)
records = st.fixed_dictionaries({"cameras": entries, "files": entries}) | st.just({}) | st.none()


@pytest.fixture
def raw(tmp_path):
    """A raw directory and the record of its files."""
    for name in FILES:
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 7)
    root = tmp_path / "raw"
    stamps = {name: origins.stamp_file(root / name) for name in FILES}
    return root, {"cameras": {"front": CAMERA}, "files": stamps}


@given(st.lists(records, max_size=5), st.integers(0, 5))
def test_records_may_be_merged_in_pieces(parts, cut):
    """As shards are: each holds the record of its own triplets."""
    whole = origins.merged(parts)
    assert origins.merged([origins.merged(parts[:cut]), origins.merged(parts[cut:])]) == whole
    assert origins.merged([whole, whole]) == whole
    for part, found in whole.items():
        assert list(found) == sorted(found)
        for name, value in found.items():
            given = [(each or {}).get(part, {}).get(name) for each in parts]
            assert value == [each for each in given if each][-1]


def test_a_stamp_is_that_of_the_content_however_it_is_read(raw):
    root, record = raw
    for name in FILES:
        path = root / name
        assert origins.stamp(path, path.read_bytes()) == origins.stamp_file(path)
        assert origins.name(path, root) == name
    assert len(set(record["files"].values())) == len(FILES)


def test_a_record_survives_its_file_and_an_empty_one_is_none(raw, tmp_path):
    _, record = raw
    assert origins.read(tmp_path) is None
    origins.write(tmp_path, {"cameras": {}, "files": {}})
    assert origins.read(tmp_path) is None
    origins.write(tmp_path, record)
    assert origins.read(tmp_path) == record


def test_sources_that_are_as_they_were_have_not_changed(raw):
    """Also where a file was copied back, with another time."""
    root, record = raw
    os.utime(root / FILES[0], ns=(5, 5))
    assert origins.changes(record, root, record["cameras"]) == ([], [])
    assert origins.changes(record, root, {}) == ([], [])  # no camera is there to be compared


def test_every_change_is_told_once(raw):
    root, record = raw
    size, same = root / FILES[0], root / FILES[1]
    size.write_bytes(b"longer" * 20)
    same.write_bytes(same.read_bytes()[::-1])
    os.utime(same, ns=(5, 5))
    (root / FILES[2]).unlink()
    found = origins.changes(record, root, record["cameras"])
    assert found.gone == [FILES[2]]
    assert found.changed == [
        f"{FILES[0]}: replaced, 49 bytes then, 120 now",
        f"{FILES[1]}: replaced, another content of the same size",
    ]


@pytest.mark.parametrize(
    "part, value, words",
    [
        ("size", "80x25", "size was 80x24, is 80x25"),
        (
            "K",
            [42.5, *CAMERA["K"][1:]],
            "K was 41.5 38.25 40.5 11.75 1, is 42.5 38.25 40.5 11.75 1",
        ),
        ("lens", [-0.3, 0.1], "lens was none, is -0.3 0.1"),
    ],
)
def test_a_camera_that_differs_is_told_in_numbers(raw, part, value, words):
    root, record = raw
    now = copy.deepcopy(record["cameras"])
    now["front"][part] = value
    assert origins.changes(record, root, now).changed == [f"front: {words}"]
    now["front"] = CAMERA
    now["rear"] = CAMERA  # one more: its triplets are not in the data set
    assert origins.changes(record, root, now).changed == []


@given(st.lists(st.integers(0, 99).map(str), max_size=9), st.integers(1, 5))
def test_of_many_texts_the_first_are_listed_and_the_others_counted(texts, most):
    words = origins.listed(texts, most)
    assert words.startswith("; ".join(texts[:most]))
    assert words.endswith(f"; and {len(texts) - most} more") == (len(texts) > most)


def test_the_digest_is_that_of_the_value():
    values = [[], {}, [1], ["1"], [[1]], {"a": 1}, "a", None]
    assert len({origins.digest(value) for value in values}) == len(values)
    assert origins.digest(("a", 1)) == origins.digest(["a", 1])  # as JSON gives it back
