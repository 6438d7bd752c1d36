"""Options of both trainings: valid, of the aspect of the video, the same from a flagfile."""

import dataclasses
import json

import pytest

from aquanet_tf.adaptation import recipe
from aquanet_tf.config import Config, command_line
from tests.support import commands

STREET = str(commands.ROOT / "pretrained" / "street")


@pytest.mark.parametrize("shape", [(375, 1242), (303, 640), (720, 960)])
def test_options_are_valid_and_survive_the_flagfile(shape, tmp_path):
    start = recipe.source(STREET)
    options = recipe.options(start, tmp_path, shape, True, 0)
    for number, config in enumerate(options):
        path = tmp_path / f"{number}.flags"
        recipe.write(config, path)
        assert command_line.parse([f"--flagfile={path}"]) == config
    one, two = options
    assert (one.stage, two.stage, two.stage2_posenet) == ("1", "2", "stage1")
    assert two.stage1_workdir == str(tmp_path / "stage1") and two.kickstart_epochs == 0
    assert one.init_kickstart and not two.init_kickstart
    assert one.epochs - one.kickstart_epochs == two.epochs
    # A crop fits into the smallest frame, and has nearly its aspect.
    smallest = start.height * one.resize_min
    assert one.crop_height <= round(smallest)
    assert smallest * shape[1] / shape[0] - 16 < one.crop_width <= smallest * shape[1] / shape[0]
    assert one.crop_width % 16 == one.pose_input_width % 16 == 0


def test_a_known_camera_is_not_learned(tmp_path):
    start = recipe.source(STREET)
    assert not any(c.learn_intrinsics for c in recipe.options(start, tmp_path, (96, 312), False, 3))


def test_the_networks_are_those_of_the_source(tmp_path):
    start = recipe.source(STREET)
    names = ("width", "levels", "pose_network_width", "inverse_depth_max", "beta_max", "adaptive")
    for config in recipe.options(start, tmp_path, (96, 312), True, 3):
        for name in names:
            assert getattr(config, name) == getattr(start.config, name)


def test_nothing_else_of_the_schedule_or_the_masks_is_inherited(tmp_path):
    start = recipe.source(STREET)
    other = dataclasses.replace(
        start.config,
        warmup_epochs=3,
        mixed_precision="bfloat16",
        spimo_shift_u=2.0,
        spimo_source="boosted",
        mask="automask",
        epochs=99,
    )
    found = recipe.options(start._replace(config=other), tmp_path, (96, 312), True, 0)
    assert found == recipe.options(start, tmp_path, (96, 312), True, 0)


def test_a_network_that_needs_focal_lengths_needs_a_camera(tmp_path):
    start = recipe.source(STREET)
    start = start._replace(config=dataclasses.replace(start.config, focal_planes=True))
    with pytest.raises(ValueError, match="--init_from=.*--focal_planes.*--intrinsics"):
        recipe.require_camera(start, learn_intrinsics=True)
    recipe.require_camera(start, learn_intrinsics=False)
    assert recipe.options(start, tmp_path, (96, 312), False, 0)[0].focal_planes


def test_a_damaged_source_is_named(tmp_path):
    Config().save(tmp_path / "config.json")
    (tmp_path / "run.json").write_text(json.dumps({"data": {}}))
    with pytest.raises(ValueError, match="run.json: missing or damaged"):
        recipe.source(str(tmp_path))
    with pytest.raises(ValueError, match="--init_from=.*nothere: no config.json in it"):
        recipe.source(str(tmp_path / "nothere"))
