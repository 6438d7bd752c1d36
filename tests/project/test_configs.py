"""Every flagfile says how it is run, parses, and builds its networks."""

import dataclasses
import pathlib
import re

import pytest

from aquanet_tf.config import command_line
from aquanet_tf.config.options import Config
from aquanet_tf.networks import build
from tests.support import commands

DEFAULT = Config()
FILES = sorted((commands.ROOT / "configs").rglob("*.flags"))
EVALUATE = [path for path in FILES if "python -m aquanet_tf.evaluate" in path.read_text()]
TRAIN = [path for path in FILES if path not in EVALUATE]


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda p: f"{p.parent.name}/{p.stem}")


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    """Flagfiles include others by their path from there."""
    monkeypatch.chdir(commands.ROOT)


def name(path):
    return pathlib.PurePosixPath(path.relative_to(commands.ROOT))


def settings(path):
    """{flag: value} of a flagfile, each value of the flag's type; --noflip is flip: False. What it
    includes comes first; nothing stands in one file twice."""
    found, included = {}, {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            flag, text = re.fullmatch(r"--(\w+)(?:=(.*))?", line).groups()
            if flag == "flagfile":
                assert not found, f"{path}: --flagfile comes first"
                included.update(settings(commands.ROOT / text))
                continue
            if text is None:
                value = hasattr(DEFAULT, flag)
                flag = flag if value else flag[len("no") :]
            else:
                value = type(getattr(DEFAULT, flag))(text)
            assert hasattr(DEFAULT, flag) and flag not in found, f"{path}: --{flag}"
            found[flag] = value
    return {**included, **found}


STAGES = ("stage1", "full")


def test_there_are_flagfiles():
    assert {str(name(path)) for path in FILES} >= {
        "configs/kitti/stage1.flags",
        "configs/kitti/smoke.flags",
        "configs/street/demo_stage1.flags",
        "configs/street/demo_stage2.flags",
        "configs/street/smoke.flags",
        *(f"configs/kitti/{system}.flags" for system in PAPER),
        *(f"configs/{data}/{stage}.flags" for data in ("cityscapes", "kcs") for stage in STAGES),
    }


@each(FILES)
def test_header_gives_command_time_and_result(path):
    header = path.read_text().split("\n--")[0]
    verb, next_flag = ("evaluate", "workdir") if path in EVALUATE else ("train", "data_dir")
    run = f"# Command:   python -m aquanet_tf.{verb} --flagfile={name(path)} --{next_flag}="
    assert run in header
    assert re.search(r"^# Wall time: \S", header, re.MULTILINE)
    assert re.search(r"^# Result:    \S", header, re.MULTILINE)


@each(TRAIN)
def test_flagfiles_say_what_they_say(path):
    options = command_line.parse([f"--flagfile={name(path)}"])
    for flag, value in settings(path).items():
        assert getattr(options, flag) == value, flag
    stage_two = "--stage1_workdir=" in path.read_text().split("\n--")[0]
    assert stage_two == options.needs_stage1


def test_the_systems_can_be_built():
    """Every kind of network in the flagfiles, at a small width."""
    kind = ("levels", "adaptive", "focal_planes", "head", "encoder", "activation")
    systems = {
        dataclasses.replace(
            Config(width=0.05, pose_network_width=0.05),
            **{n: getattr(options, n) for n in kind},
            warp=options.warp,
        )
        for options in (command_line.parse([f"--flagfile={name(path)}"]) for path in TRAIN)
    }
    assert len(systems) >= 4
    for options in systems:
        aquanet, _ = build.build_networks(options)
        assert aquanet.count_params() > 1000


@each([commands.ROOT / "configs" / "kitti" / "full.flags"])
def test_dry_run(path):
    """The command itself, on a flagfile that includes two others; all have the same parser."""
    done = commands.run("aquanet_tf.train", f"--flagfile={name(path)}", "--dry_run")
    assert done.returncode == 0, done.stderr
    printed = dict(re.findall(r"^--(\w+)=(.*)$", done.stdout, re.MULTILINE))
    assert set(printed) == {field.name for field in dataclasses.fields(Config)}
    for flag, value in settings(path).items():
        assert printed[flag] == str(value), flag
    assert re.search(r"AQUANet 14,[\d,]+ parameters, PoseNet [\d,]+", done.stdout)


@each(EVALUATE)
def test_flagfiles_of_evaluate(path, tmp_path):
    """They parse: what is missing is the data."""
    places = [f"--gt_dir={tmp_path}", f"--workdir={tmp_path}", f"--out={tmp_path / 'o.json'}"]
    done = commands.run("aquanet_tf.evaluate", f"--flagfile={name(path)}", *places)
    commands.assert_user_error(done, tmp_path)


def test_the_papers_values_are_the_defaults():
    """stage1.flags writes the defaults out for the reader; neither may drift from the other."""
    for flag, value in settings(commands.ROOT / "configs" / "kitti" / "stage1.flags").items():
        assert value == getattr(DEFAULT, flag), flag


PAPER = {
    "automask": {"mask": "automask"},
    "dirnet_bw": {"head": "direct", "warp": "backward"},
    "vplade": {"adaptive": False},
    "no_augmentation": {"depth_scaling": "none"},
    "inverse": {"depth_scaling": "inverse"},
    "invariant": {"depth_scaling": "invariant"},
    "boosting": {"boosting_weight": 0.1},
    "full": {"boosting_weight": 0.1, "spimo_source": "boosted"},
}


def test_systems_differ_from_aquanet_by_what_they_are_called_for():
    base = command_line.parse(["--flagfile=configs/kitti/aquanet.flags"])
    assert base == Config(stage="2", boosting_weight=0.0)
    for system, changes in PAPER.items():
        options = command_line.parse([f"--flagfile=configs/kitti/{system}.flags"])
        assert options == dataclasses.replace(base, **changes), system
