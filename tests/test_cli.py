"""What every command does with its flags before it begins."""

import os

import pytest
from absl import flags

from aquanet_tf import cli


@pytest.mark.parametrize(
    "text, expected",
    [
        ("~/pred", "{home}/pred"),
        ("~", "{home}"),
        ("~/a,~/b", "{home}/a,{home}/b"),
        ("a~b/~", "a~b/~"),
        ("~nobody-of-this-name/a", "~nobody-of-this-name/a"),
        ("", ""),
    ],
)
def test_the_home_is_meant_in_every_form_of_a_flag(text, expected, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    values = flags.FlagValues()
    flags.DEFINE_string("out", None, "", flag_values=values)
    flags.DEFINE_string("other", None, "", flag_values=values)
    flags.DEFINE_list("inputs", [], "", flag_values=values)
    flags.DEFINE_integer("height", 3, "", flag_values=values)
    values(["program", f"--out={text}", f"--inputs={text}"])
    cli.expand_home(values)
    expected = expected.format(home=tmp_path)
    assert values.out == expected and values.other is None and values.height == 3
    assert values.inputs == (expected.split(",") if expected else [])
    assert os.path.expanduser("~") == str(tmp_path)
