"""Rules between the options of a `Config`; `fields.check` has those of single options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aquanet_tf.config.fields import parse_milestones, parse_weights

if TYPE_CHECKING:
    from aquanet_tf.config.options import Config

# The smallest height in pixels that a network works at.
MIN_WORKING_SIZE = 16


def check(config: Config) -> None:
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
    if config.encoder_weights != "none" and config.encoder != "mobile":
        raise ValueError("--encoder_weights is for --encoder=mobile")
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
