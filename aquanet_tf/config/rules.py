"""Rules between the options of a `Config`; `fields.check` has those of single options.

A `Config` checks itself by them, so this module knows its options and not its class.
"""

from __future__ import annotations

from aquanet_tf.config.fields import parse_milestones, parse_weights

# The smallest height in pixels that a network works at.
MIN_WORKING_SIZE = 16

# Columns of history.csv that --keep_best can compare epochs by. The smaller the better, except the
# shares of pixels. Smoothness or boosting alone would prefer flat depth.
_LOSSES = ("loss", "photometric", "perceptual")
_DEPTH_METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "a1", "a2", "a3")
LARGER_IS_BETTER = ("val_a1", "val_a2", "val_a3")


def best_column(config) -> str:
    """The column of history.csv that --keep_best names; a depth metric may lack its `val_`.

    Raises ValueError for a column that a run of `config` does not have, or that says nothing about
    which epoch is best.
    """
    name = config.keep_best.removeprefix("val_")
    if name in _DEPTH_METRICS:
        if not config.val_gt_dir:
            raise ValueError(f"--keep_best={config.keep_best}: needs ground truth, --val_gt_dir")
        return f"val_{name}"
    if name not in _LOSSES:
        metrics = ", ".join(_DEPTH_METRICS)
        raise ValueError(
            f"--keep_best={config.keep_best!r}: expected one of {metrics}, or one "
            f"of {', '.join(_LOSSES)}, with val_ before it for those of --val_data_dir"
        )
    if name != config.keep_best and not config.val_data_dir:
        raise ValueError(f"--keep_best={config.keep_best}: needs validation data, --val_data_dir")
    if name == "loss" and config.stage != "1" and config.boosting_weight > 0:
        raise ValueError(
            f"--keep_best={config.keep_best}: in stage 2 the boosting loss counts from the second "
            "epoch on, so the first one would look best; give photometric"
        )
    return config.keep_best


def check(config) -> None:
    """Raises ValueError naming the flags that contradict each other, or a list that is none."""
    if config.inverse_depth_min >= config.inverse_depth_max:
        raise ValueError("--inverse_depth_min must be below --inverse_depth_max")
    if config.resize_min > config.resize_max:
        raise ValueError("--resize_min must not exceed --resize_max")
    if config.kickstart_epochs + config.pose_frozen_epochs > config.epochs:
        raise ValueError("--epochs must be at least --kickstart_epochs + --pose_frozen_epochs")
    if config.head == "direct" and config.warp == "forward":
        raise ValueError("--head=direct has no levels to warp forward: add --warp=backward")
    if config.stage == "1" and config.stage1_workdir:
        raise ValueError("--stage1_workdir is for --stage=2")
    if config.stage == "both" and config.stage1_workdir:
        raise ValueError("--stage=both trains its own stage 1: leave out --stage1_workdir")
    if config.stage == "both" and not config.kickstart_epochs and not config.init_from:
        raise ValueError(
            "--stage=both trains stage 1 from scratch, and depth collapses there with "
            "--kickstart_epochs=0: train the stages by two commands, --stage=1 and --stage=2"
        )
    if config.encoder_weights != "none" and config.encoder != "mobile":
        raise ValueError("--encoder_weights is for --encoder=mobile")
    if config.encoder_weights != "none" and config.init_from:
        raise ValueError(
            "--init_from and --encoder_weights both start the encoder: give --encoder_weights=none"
        )
    if config.anchor_weight and (not config.init_from or config.init_partial):
        raise ValueError(
            "--anchor_weight keeps depth near that of a trained network: give it by --init_from, "
            "without --init_partial"
        )
    if config.focal_planes and config.learn_intrinsics:
        raise ValueError(
            "--focal_planes feeds the focal lengths of the records to the network, which "
            "--learn_intrinsics changes: give one of them"
        )
    if config.keep_best:
        best_column(config)
    if config.strategy == "multi_worker" and config.replicas:
        raise ValueError("--replicas is for --strategy=auto: leave it out")
    if 0 < config.working_height < MIN_WORKING_SIZE:
        raise ValueError(
            f"--working_height={config.working_height}: must be at least {MIN_WORKING_SIZE} "
            "(or 0: as trained)"
        )
    smallest = min(config.crop_height, config.crop_width) >> (config.pyramid_scales - 1)
    if config.synthesis == "l1_ssim" and smallest < 2:
        raise ValueError(
            "--synthesis=l1_ssim needs 2 pixels at the smallest of the --pyramid_scales: lower "
            "them, or take a larger --crop_height or --crop_width"
        )
    parse_milestones(config.milestones)
    parse_weights(config.data_weights)
