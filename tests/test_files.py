"""JSON files are whole or absent, and errors name them."""

import errno
import pathlib

import pytest

from aquanet_tf import files


def test_round_trip_and_no_leftovers(tmp_path):
    path = tmp_path / "deep" / "a.json"
    files.write(path, {"a": [1, 2.5, None]})
    files.write(path, {"a": "again"})
    assert files.read(path) == {"a": "again"}
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


def test_nan_is_never_written_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    files.write(path, {"a": 1})
    with pytest.raises(ValueError):
        files.write(path, {"a": float("nan")})
    assert files.read(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_names_the_file_and_keeps_the_old_one(tmp_path, monkeypatch):
    def full(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.json"
    files.write(path, {"a": 1})
    monkeypatch.setattr(pathlib.Path, "write_text", full)
    with pytest.raises(OSError, match="cannot write .*a.json: No space left on device"):
        files.write(path, {"a": 2})
    assert files.read(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_bad_files_are_named(tmp_path, content):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match="a.json"):
        files.read(path)
