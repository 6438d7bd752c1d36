"""Flags of all commands: paths of one's home, outputs that are refused before the work."""

import ast
import os
import pathlib

import pytest

from aquanet_tf import cli
from tests.support import commands

# Flags that name what a command writes, and what it reads.
OUTPUTS = {"out", "sheet", "contact_sheet", "csv"}
PATHS = {"workdir", "mask_workdir", "stage1_workdir", "model", "model_base_path", "input"}
PATHS |= {"data_dir", "gt_dir", "depth_dir", "raw_dir", "split", "intrinsics", "config"}
PATHS |= {"street", "example", "evaluation", "stage1_evaluation", "records"}


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def sources():
    for room in ("aquanet_tf", "data_prep", "export", "benchmarks"):
        yield from (commands.ROOT / room).rglob("*.py")


def test_home_is_expanded_however_it_is_written():
    home = os.path.expanduser("~")
    assert cli.path("~/a b") == f"{home}/a b" and cli.path("~") == home
    for text in ("", "a/~", "a~", "/x", "-", "2024-05-01T12:30:00.mp4"):
        assert cli.path(text) == text
    assert cli.paths("~/a,b/~, ~") == f"{home}/a,b/~,{home}" and cli.paths("") == ""


def test_home_is_expanded_in_one_place():
    users = [path.name for path in sources() if "expanduser" in path.read_text()]
    assert users == ["cli.py"]


def test_every_path_is_a_path_and_every_output_is_checked_before_the_work():
    """`define_path` and `define_output` are the only ways to define such a flag."""
    for file in sources():
        for call in ast.walk(ast.parse(file.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr.startswith("DEFINE_") and isinstance(call.args[0], ast.Constant):
                name = call.args[0].value
                assert name not in OUTPUTS | PATHS, f"{file}: {name}: use cli.define_..."


@pytest.mark.parametrize(
    "module, given",
    [
        ("aquanet_tf.evaluate", ["--workdir=x", "--gt_dir=x"]),
        ("aquanet_tf.ablate", ["--config=x"]),
        ("export.tflite", ["--workdir=x"]),
        ("export.client", ["--input=x"]),
        ("data_prep.kitti", ["--raw_dir=x"]),
    ],
)
def test_a_command_names_the_flag_of_an_output_it_cannot_write(tmp_path, module, given):
    (tmp_path / "file").write_text("mine")
    out = f"--out={tmp_path / 'file' / 'a.json'}"
    done = commands.run(module, *given, out)
    commands.assert_user_error(done, out, f"{tmp_path / 'file'} is not a folder")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "module, given",
    [("aquanet_tf.predict", ["--model=x", "--input=x"]), ("export.saved_model", ["--workdir=x"])],
)
def test_a_folder_cannot_be_a_file_nor_a_file_a_folder(tmp_path, module, given):
    (tmp_path / "file").write_text("mine")
    done = commands.run(module, *given, f"--out={tmp_path / 'file'}")
    commands.assert_user_error(done, "--out=", "is a file; name a folder")
    done = commands.run("aquanet_tf.evaluate", "--workdir=x", "--gt_dir=x", f"--out={tmp_path}")
    commands.assert_user_error(done, f"--out={tmp_path}", "is a folder; name a file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "module, flag, given",
    [
        ("aquanet_tf.contact", "boxes", ["--workdir=x", "--root=x"]),
        ("aquanet_tf.evaluate", "split", ["--workdir=x", "--gt_dir=x"]),
        ("export.report", "evaluation", ["--workdir=x"]),
    ],
)
def test_an_output_never_replaces_what_is_read(tmp_path, module, flag, given):
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.write_text("by hand")
    other.symlink_to(mine)
    done = commands.run(module, *given, f"--{flag}={mine}", f"--out={other}")
    commands.assert_user_error(done, f"--out={other}: is what --{flag} reads")
    assert mine.read_text() == "by hand"


@pytest.mark.parametrize("known", [True, False])
def test_a_lack_of_memory_is_one_line(known, monkeypatch):
    """Known by the name of TensorFlow's error; any other error is a bug and is raised."""

    def main(argv):
        raise type("ResourceExhaustedError" if known else "Bug", (Exception,), {})("OOM\nmore")

    monkeypatch.setattr(cli.app, "run", lambda guarded: guarded(["command"]))
    monkeypatch.setattr(cli, "check_outputs", lambda: None)
    with pytest.raises(SystemExit if known else Exception) as error:
        cli.run(main)
    if known:
        expected = "error: out of memory; make images, --height or batches smaller (OOM)"
        assert error.value.code == expected
    else:
        assert type(error.value).__name__ == "Bug"


def test_ctrl_c_is_one_line(monkeypatch, capsys):
    """Its exit code is the one that shells expect."""

    def main(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.app, "run", lambda guarded: guarded(["command"]))
    monkeypatch.setattr(cli, "check_outputs", lambda: None)
    with pytest.raises(SystemExit) as error:
        cli.run(main)
    assert error.value.code == 130 and capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    "module, imported",
    [
        ("aquanet_tf.train", "tensorflow"),
        ("export.tflite", "tensorflow"),
        ("data_prep.street", "numpy"),
    ],
)
def test_ctrl_c_while_a_command_is_imported_is_one_line(tmp_path, module, imported):
    """TensorFlow takes seconds; any other error there keeps its traceback."""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    package = tmp_path / f"{imported}.py"
    package.write_text("raise KeyboardInterrupt")
    done = commands.run(module, env=environment)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
    package.write_text("raise ZeroDivisionError")
    done = commands.run(module, env=environment)
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_a_program_that_imports_the_package_keeps_its_own_hook():
    code = "import sys, aquanet_tf, data_prep; sys.exit(sys.excepthook is not sys.__excepthook__)"
    done = commands.subprocess.run([commands.sys.executable, "-c", code], cwd=commands.ROOT)
    assert done.returncode == 0


def test_a_command_expands_home_in_its_flags(tmp_path):
    """Also in a flagfile, and in the flagfile's own name."""
    environment = {**os.environ, "HOME": str(tmp_path)}
    (tmp_path / "a.flags").write_text("--out=~/lists\n")
    done = commands.run("data_prep.eigen_lists", "--flagfile=~/a.flags", env=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lists" / "test_files.txt").is_file()
    assert not (pathlib.Path(commands.ROOT) / "~").exists()


def test_places_for_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    for good in ("new", "file", "deep/er/new", "../new"):
        cli.check_file(tmp_path / "." / good)
    for bad, words in (
        (tmp_path, "is a folder; name a file, such as"),
        (".", "is a folder"),
        (tmp_path / "file" / "a.json", "file is not a folder"),
        (tmp_path / "file" / "deep" / "a.json", "file is not a folder"),
        ("/dev/null", "not an ordinary file"),
        ("/proc/nothing/a.json", "cannot be written"),
        (tmp_path / ("x" * 300), "too long"),
        (tmp_path / ("x" * 300) / "a", "too long"),
        (tmp_path / "zero\0byte", "zero byte"),
        (tmp_path / b"\xff".decode("utf-8", "surrogateescape"), "not UTF-8"),
    ):
        with pytest.raises(ValueError, match=words):
            cli.check_file(bad)
    assert content(tmp_path) == {"file": "mine"}


def test_places_for_a_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    for good in (tmp_path, tmp_path / "deep" / "er"):
        cli.check_folder(good)
    for bad, words in (
        (tmp_path / "file", "is a file; name a folder"),
        (tmp_path / "file" / "a", "file is not a folder"),
        ("/proc/nothing", "cannot be written to"),
    ):
        with pytest.raises(ValueError, match=words):
            cli.check_folder(bad)
    assert content(tmp_path) == {"file": "mine"}


def test_the_field_of_view_has_both_names_everywhere():
    """Users met --fov in one command and --fov_deg in the next."""
    for file in sources():
        text = file.read_text()
        for name, other in (("fov", "fov_deg"), ("fov_deg", "fov")):
            if f'DEFINE_float("{name}"' in text:
                assert f'DEFINE_alias("{other}", "{name}")' in text, file
