"""Every flagfile says how it is run, parses, and builds its networks."""

import dataclasses
import pathlib
import re

import command
import pytest

from aquanet_tf.config import Config

DEFAULT = Config()
FILES = sorted((command.ROOT / "configs").rglob("*.flags"))
EACH = pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")


def name(path):
    return pathlib.PurePosixPath(path.relative_to(command.ROOT))


def settings(path):
    """{flag: value} of a flagfile, each value of the flag's type; --noflip is flip: False."""
    found = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            flag, text = re.fullmatch(r"--(\w+)(?:=(.*))?", line).groups()
            if text is None:
                value = hasattr(DEFAULT, flag)
                flag = flag if value else flag[len("no") :]
            else:
                value = type(getattr(DEFAULT, flag))(text)
            assert hasattr(DEFAULT, flag) and flag not in found, f"{path}: --{flag}"
            found[flag] = value
    return found


def test_there_are_flagfiles():
    assert {str(name(path)) for path in FILES} >= {
        "configs/kitti/stage1.flags",
        "configs/kitti/smoke.flags",
        "configs/street/demo.flags",
        "configs/street/smoke.flags",
    }


@EACH
def test_header_gives_command_time_and_result(path):
    header = path.read_text().split("\n--")[0]
    run = f"# Command:   python -m aquanet_tf.train --flagfile={name(path)} --data_dir="
    assert run in header
    assert re.search(r"^# Wall time: \S", header, re.MULTILINE)
    assert re.search(r"^# Result:    \S", header, re.MULTILINE)


@EACH
def test_dry_run(path):
    done = command.run("aquanet_tf.train", f"--flagfile={name(path)}", "--dry_run")
    assert done.returncode == 0, done.stderr
    printed = dict(re.findall(r"^--(\w+)=(.*)$", done.stdout, re.MULTILINE))
    assert set(printed) == {field.name for field in dataclasses.fields(Config)}
    for flag, value in settings(path).items():
        assert printed[flag] == str(value), flag
    assert re.search(r"AQUANet [\d,]+ parameters, PoseNet [\d,]+", done.stdout)


def test_the_papers_values_are_the_defaults():
    """stage1.flags writes the defaults out for the reader; neither may drift from the other."""
    for flag, value in settings(command.ROOT / "configs" / "kitti" / "stage1.flags").items():
        assert value == getattr(DEFAULT, flag), flag
