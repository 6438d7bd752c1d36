"""Every command explains itself with --help, and old names of moved commands keep working."""

import ast
import re

import pytest

from tests.support import commands

COMMANDS = {
    "data_prep.calibrate": "calibrate.py",
    "data_prep.check": "check.py",
    "data_prep.cityscapes": "cityscapes.py",
    "data_prep.eigen_lists": "eigen_lists.py",
    "data_prep.kitti": "kitti.py",
    "data_prep.street": "street/__main__.py",
    "data_prep.street.cityscapes": "street/cityscapes.py",
    "data_prep.video": "video/__main__.py",
}
MOVED = {
    "aquanet_tf.build_native": "aquanet_tf.native.build",
    "data_prep.street_cityscapes": "data_prep.street.cityscapes",
}
FOLDER = commands.ROOT / "data_prep"


def source(path):
    return (FOLDER / path).read_text()


def test_these_are_all_commands():
    found = {str(p.relative_to(FOLDER)) for p in FOLDER.rglob("*.py") if "cli.run(" in source(p)}
    assert found == set(COMMANDS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_short_and_its_help_says_usage_result_and_errors(name):
    text = source(COMMANDS[name])
    assert len(text.splitlines()) <= 80
    docstring = ast.get_docstring(ast.parse(text))
    assert f"    python -m {name} --" in docstring and "Written: " in docstring
    assert re.search("Errors: |Every fault is printed", docstring)
    assert "%" not in docstring  # absl takes it for a place of the program's name
    wanted = set(re.findall(r"--(\w+)", docstring))
    shared = source("dataset/options.py") if "dataset_options.define_flags" in text else ""
    for flag in wanted - {"height"}:
        assert f'"{flag}"' in text + shared or flag == "split", flag


def test_help_shows_the_flags_that_commands_share():
    done = commands.run("data_prep.kitti", "--help")
    for flag in ("raw_dir", "out", "split", "height", "camera", "min_speed"):
        assert f"\n  --{flag}: " in done.stdout, flag


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_runs_the_command_and_says_the_new_one(old):
    done = commands.run(old, "--help")
    assert f"note: {old} is now {MOVED[old]}\n" in done.stderr
    assert f"python -m {MOVED[old]}" in done.stdout and "Traceback" not in done.stderr
