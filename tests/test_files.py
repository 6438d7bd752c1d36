"""Files are whole or absent, and errors name them."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest

from aquanet_tf import files
from tests.support.commands import ROOT


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_and_json_saved_by_windows_editors(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_bytes('{"fx": 7.5,\r\n "name": "Straße"}\r\n'.encode(encoding))
    assert files.read(path) == {"fx": 7.5, "name": "Straße"}
    assert files.read_text(path).splitlines()[0] == '{"fx": 7.5,'
    path.write_bytes(b'{"name": "Stra\xdfe"}')
    with pytest.raises(ValueError, match=f"{path}: not valid JSON"):
        files.read(path)
    assert files.read_text(path, "replace")[1:7] == '"name"'


def test_a_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with files.atomic(path) as temporary:
        assert temporary.parent == path.parent and temporary.name.endswith(".tmp")
        temporary.write_text("whole")
        assert not path.exists()
    assert content(path.parent) == {"a.txt": "whole"}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, OSError("of the block")])
def test_a_failure_keeps_the_old_file_and_its_own_error(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    expected = error if isinstance(error, type) else type(error)
    with pytest.raises(expected) as raised, files.atomic(path) as temporary:
        temporary.write_text("half")
        raise error
    assert "cannot write" not in str(raised.value)
    assert content(tmp_path) == {"a.txt": "old"}


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(OSError, match="cannot write .*a.txt: No such file"):
        with files.atomic(tmp_path / "a.txt"):
            pass
    assert content(tmp_path) == {}


def test_an_error_about_another_file_passes_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError, match="other.txt"):
        with files.atomic(tmp_path / "a.txt"):
            (tmp_path / "other.txt").read_text()


def test_a_parent_that_cannot_be_made_names_the_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="cannot write .*/file/a.json: "):
        files.write(tmp_path / "file" / "a.json", {})
    assert content(tmp_path) == {"file": "mine"}


def test_the_file_reaches_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: calls.append("fsync") or fsync(file))
    monkeypatch.setattr(os, "replace", lambda *names: calls.append("replace") or replace(*names))
    files.write(tmp_path / "a.json", {})
    assert calls == ["fsync", "replace"]


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


def test_text_is_utf_8_whatever_the_locale(tmp_path):
    code = (
        "import sys; from aquanet_tf import files; files.write_text(sys.argv[1], '0.1 \\xb1 \\xb0')"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", code, tmp_path / "a.txt"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    assert (tmp_path / "a.txt").read_bytes() == "0.1 \xb1 \xb0".encode()


@pytest.mark.parametrize("where", ["write", "fsync"])
def test_a_full_disk_names_the_file_and_keeps_the_old_one(tmp_path, monkeypatch, where):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.json"
    files.write(path, {"a": 1})
    if where == "write":
        monkeypatch.setattr(pathlib.Path, "write_text", full)
    else:
        monkeypatch.setattr(os, "fsync", full)
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


def test_a_long_name_is_written_like_any_other(tmp_path):
    path = tmp_path / ("ü" * 120 + ".json")
    files.write(path, {"a": 1})
    assert files.read(path) == {"a": 1} and len(list(tmp_path.iterdir())) == 1


def test_a_plain_folder_is_the_same_folder(tmp_path, monkeypatch):
    with files.plain_folder(tmp_path / "plain") as plain:
        assert plain == tmp_path / "plain"
    for name in ("run [lr=1e-4]", "a*b", "a?b", "back\\slash"):
        folder = tmp_path / name
        folder.mkdir()
        with files.plain_folder(folder) as plain:
            assert not files.is_pattern(plain)
            (plain / "a.txt").write_text("whole")
        assert content(folder) == {"a.txt": "whole"} and not os.path.lexists(plain)
    monkeypatch.chdir(folder)  # the path looks plain, the place is not
    with files.plain_folder("sub") as plain:
        assert not files.is_pattern(plain)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux alone has a disk that is full")
def test_a_file_that_is_not_atomic_is_named_too():
    words = "cannot write /dev/full: No space left on device; re-run the command when that is"
    with pytest.raises(OSError, match=words), files.named(pathlib.Path("/dev/full")) as path:
        path.write_bytes(b"x")
