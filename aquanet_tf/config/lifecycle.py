"""The options of how a run starts, how it is watched, what is kept of it, and how it is used."""

from __future__ import annotations

import dataclasses

from aquanet_tf.config.fields import option


@dataclasses.dataclass(frozen=True)
class Lifecycle:
    """A part of `options.Config`. These options do not alter networks, losses or batches of a run
    that has begun: those of its start (--init_*) are read once, and kept in run.json."""

    # Start
    init_from: str = option(
        "",
        "Run or released run whose weights the depth network starts with, and PoseNet where the "
        "source has one: then there is no kick-start. Read when the run starts.",
        resumable=True,
        paths=True,
    )
    init_checkpoint: str = option(
        "newest",
        "Checkpoint of --init_from: newest, best, or a number of finished epochs.",
        resumable=True,
    )
    init_partial: bool = option(
        False,
        "Take the weights of --init_from that fit and list the others, instead of stopping.",
        resumable=True,
    )
    init_kickstart: bool = option(
        False,
        "Run the kick-start although PoseNet starts with the weights of --init_from.",
        resumable=True,
    )
    # Depth metrics during training
    val_gt_dir: str = option(
        "",
        "KITTI raw directory with ground truth: depth metrics (val_abs_rel, ...) go to history.csv "
        "and TensorBoard. Empty: none.",
        resumable=True,
        paths=True,
    )
    val_split: str = option(
        "all", "Frames of --val_gt_dir: a split file, or all.", resumable=True, paths=True
    )
    val_ground_truth: str = option(
        "depth",
        "Ground truth of --val_gt_dir: annotated depth maps without a crop (depth), or raw scans "
        "in the Garg crop (velodyne). Median alignment, cap 80 m.",
        choices=("depth", "velodyne"),
        resumable=True,
    )
    val_gt_frames: int = option(
        20,
        "Number of frames of --val_gt_dir that are measured, evenly spread over the split; 0: all.",
        low=0,
        resumable=True,
    )
    val_gt_every: int = option(
        1,
        "Epochs between two measurements on --val_gt_dir; the last epoch always has one.",
        low=1,
        resumable=True,
    )
    # Watching and keeping
    panels_every: int = option(
        5, "Epochs between two image panels in TensorBoard; 0: none.", low=0, resumable=True
    )
    checkpoint_steps: int = option(
        500, "Steps between saves inside an epoch; 0: only after epochs.", low=0, resumable=True
    )
    keep_checkpoints: int = option(
        3, "Number of newest checkpoints kept in the workdir.", low=1, resumable=True
    )
    keep_best: str = option(
        "",
        "Also keep the checkpoint that is best by this column of history.csv, like abs_rel (needs "
        "--val_gt_dir), val_photometric (needs --val_data_dir) or photometric; empty: none.",
        resumable=True,
    )
    collapse: str = option(
        "warn",
        "What to do when depth becomes constant or ego-motion vanishes.",
        choices=("warn", "stop", "off"),
        resumable=True,
    )
    # Using
    working_height: int = option(
        0,
        "Height that images are resized to when the network is used, pixels; 0: that of the "
        "training images. predict, evaluate and the exports take --height instead if it is given.",
        low=0,
        high=8192,
        resumable=True,
    )
    grid_shift: float = option(
        0.0,
        "When the network is used, inverse depth is the mean of three passes, their positional "
        "grids shifted up and down by this (2: the height of the image); 0: one pass.",
        low=0.0,
        high=1.0,
        resumable=True,
    )
