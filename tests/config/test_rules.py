"""Rules between options: each refuses its contradiction, and one change of an option heals it."""

import dataclasses
import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.config import rules
from aquanet_tf.config.options import Config

# What the message names -> options that contradict each other, and changes of which one suffices.
RULES = {
    "--inverse_depth_min must be below": (
        {"inverse_depth_min": 0.1, "inverse_depth_max": 0.1},
        [{"inverse_depth_min": 0.09}, {"inverse_depth_max": 0.11}],
    ),
    "--resize_min must not exceed": (
        {"resize_min": 1.0, "resize_max": 0.9},
        [{"resize_min": 0.9}, {"resize_max": 1.0}],
    ),
    "--epochs must be at least": (
        {"kickstart_epochs": 3, "pose_frozen_epochs": 2, "epochs": 4},
        [{"kickstart_epochs": 2}, {"pose_frozen_epochs": 1}, {"epochs": 5}],
    ),
    "--head=direct has no levels": (
        {"head": "direct", "warp": "forward"},
        [{"head": "adaptive"}, {"warp": "backward"}],
    ),
    "--stage1_workdir is for --stage=2": (
        {"stage": "1", "stage1_workdir": "run"},
        [{"stage": "2"}, {"stage1_workdir": ""}],
    ),
    "--stage=both trains its own stage 1": (
        {"stage": "both", "stage1_workdir": "run"},
        [{"stage": "2"}, {"stage1_workdir": ""}],
    ),
    "--stage=both trains stage 1 from scratch": (
        {"stage": "both", "kickstart_epochs": 0},
        [{"stage": "1"}, {"kickstart_epochs": 1}, {"init_from": "run"}],
    ),
    "--encoder_weights is for --encoder=mobile": (
        {"encoder": "residual", "encoder_weights": "file"},
        [{"encoder": "mobile"}, {"encoder_weights": "none"}],
    ),
    "--init_from and --encoder_weights both start": (
        {"encoder": "mobile", "encoder_weights": "file", "init_from": "run"},
        [{"encoder_weights": "none"}, {"init_from": ""}],
    ),
    "--anchor_weight keeps depth near": (
        {"anchor_weight": 0.1, "init_from": "run", "init_partial": True},
        [{"anchor_weight": 0.0}, {"init_partial": False}],
    ),
    "--focal_planes feeds the focal lengths": (
        {"focal_planes": True, "learn_intrinsics": True},
        [{"focal_planes": False}, {"learn_intrinsics": False}],
    ),
    "needs ground truth, --val_gt_dir": (
        {"keep_best": "rmse"},
        [{"keep_best": "loss"}, {"val_gt_dir": "raw"}],
    ),
    "expected one of abs_rel": ({"keep_best": "boosting"}, [{"keep_best": ""}]),
    "needs validation data, --val_data_dir": (
        {"keep_best": "val_photometric"},
        [{"keep_best": "photometric"}, {"val_data_dir": "records"}],
    ),
    "in stage 2 the boosting loss counts": (
        {"keep_best": "loss", "stage": "both", "boosting_weight": 0.1},
        [{"keep_best": "photometric"}, {"stage": "1"}, {"boosting_weight": 0.0}],
    ),
    "--replicas is for --strategy=auto": (
        {"strategy": "multi_worker", "replicas": 2},
        [{"strategy": "auto"}, {"replicas": 0}],
    ),
    "--working_height=15: must be at least 16": (
        {"working_height": 15},
        [{"working_height": 16}, {"working_height": 0}],
    ),
    "--synthesis=l1_ssim needs 2 pixels": (
        {"synthesis": "l1_ssim", "crop_height": 32, "pyramid_scales": 6},
        [{"synthesis": "l1"}, {"crop_height": 64}, {"pyramid_scales": 5}],
    ),
}


@pytest.mark.parametrize("words", RULES)
def test_a_contradiction_is_refused_and_one_change_heals_it(words):
    options, changes = RULES[words]
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        Config(**options)
    assert "\n" not in str(caught.value)
    for change in changes:
        rules.check(Config(**{**options, **change}))


def test_every_rule_is_tested():
    source = inspect.getsource(rules.check) + inspect.getsource(rules.best_column)
    assert source.count("raise ValueError(") == len(RULES)


def test_the_rules_ask_for_nothing_that_is_not_there():
    """The defaults contradict nothing, whichever stage they train."""
    for stage in ("1", "2", "both"):
        rules.check(dataclasses.replace(Config(), stage=stage))


@given(st.integers(16, 70), st.integers(16, 70), st.integers(1, 6))
def test_ssim_needs_two_pixels_at_the_smallest_scale(height, width, scales):
    """Means of 2x2 pixels, again and again, leave out what is odd."""
    shape = (height, width)
    for _ in range(scales - 1):
        shape = (shape[0] // 2, shape[1] // 2)
    options = {"crop_height": height, "crop_width": width, "pyramid_scales": scales}
    Config(**options)
    if min(shape) >= 2:
        Config(**options, synthesis="l1_ssim")
    else:
        with pytest.raises(ValueError, match="--synthesis=l1_ssim"):
            Config(**options, synthesis="l1_ssim")


METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "a1", "a2", "a3")


def test_the_best_column_is_one_of_history_with_or_without_its_val():
    """Asked for by the name that it returns, it is the same."""
    given = {"val_gt_dir": "raw", "val_data_dir": "records"}
    for name in (*METRICS, "loss", "val_loss", "photometric", "val_perceptual"):
        column = rules.best_column(Config(**given, keep_best=name))
        assert column == rules.best_column(Config(**given, keep_best=column))
        assert column == (f"val_{name}" if name in METRICS else name)


@pytest.mark.parametrize("option", [{"milestones": "60;80"}, {"data_weights": "1,x"}])
def test_a_list_that_is_none_is_refused_by_its_flag(option):
    with pytest.raises(ValueError, match=f"--{next(iter(option))}"):
        Config(**option)
