"""Files and flags of earlier versions keep working as long as nothing depends on them."""

import json

import pytest
from absl import flags

from aquanet_tf.config import Config, command_line, retired
from tests.support.commands import ROOT, assert_user_error, run

STREET = ROOT / "pretrained" / "street" / "config.json"


def test_a_run_of_an_earlier_version_loads():
    values = json.loads(STREET.read_text())
    assert set(retired.KEPT) <= set(values)
    config = Config.load(STREET)
    assert (config.levels, config.spimo_passes) == (13, 3)
    assert not any(hasattr(config, name) for name in retired.KEPT)


@pytest.mark.parametrize(
    "name, value", [("beta_lookup", "fixed_point"), ("kickstart_pyramid_scales", 1)]
)
def test_other_values_in_a_run_are_refused(tmp_path, name, value):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({name: value}))
    with pytest.raises(ValueError, match=f"{path}: --{name}={value} .*[Tt]rain.again"):
        Config.load(path)


def test_an_old_flagfile_is_read_with_a_note(tmp_path, caplog):
    path = tmp_path / "old.flags"
    lines = [f"--{name}={value}" for name, value in retired.KEPT.items()]
    path.write_text("\n".join(["--levels=17", *lines]))
    assert command_line.parse([f"--flagfile={path}"]) == Config(levels=17)
    path.write_text("--beta_lookup=fixed_point\n")
    with pytest.raises(
        ValueError, match="--beta_lookup=fixed_point is no longer .*remove the flag"
    ):
        command_line.parse([f"--flagfile={path}"])


def test_the_command_says_it_in_one_line():
    done = run("aquanet_tf.train", "--dry_run", "--width=0.1", "--beta_lookup=aligned")
    assert done.returncode == 0
    assert done.stderr.count("--beta_lookup has no effect any more: remove it") == 1
    done = run("aquanet_tf.train", "--dry_run", "--kickstart_pyramid_scales=1")
    assert_user_error(done, "--kickstart_pyramid_scales=1", "only 4 is")


def test_help_does_not_list_them():
    values = flags.FlagValues()
    command_line.define_flags(values)
    text = values.get_help()
    assert "beta_max" in text and not any(name in text for name in retired.KEPT)
