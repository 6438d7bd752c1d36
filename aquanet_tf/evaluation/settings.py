"""What one call of `aquanet_tf.evaluate` measures, independent of flags and of TensorFlow."""

from __future__ import annotations

import dataclasses

from aquanet_tf.evaluation.protocol import Protocol


@dataclasses.dataclass(frozen=True)
class Settings:
    """Raises ValueError when built from options that exclude each other.

    Attributes:
      workdir: directory of the training run.
      gt_dir: KITTI raw directory with ground truth.
      protocol: how depth is compared.
      split: a split file, "all", or a key of `eigen.PROTOCOLS`.
      camera: 2 or 3; l or r in a line of the split overrides it.
      height: working height in pixels; 0: that of the run.
      mask_workdir: run whose SPIMO masks and auto-masks are used; empty: `workdir`.
      mask_quality: also measure the masks against motion masks.
      baselines: also measure the predictions in `baselines`.
      checkpoint: of `workdir`: newest, best, or a number of finished epochs.
      depth_dir: KITTI's annotated depth maps as downloaded; empty: they are in `gt_dir`.
      grid_shift: of the shifted grids, 0: one pass; None: that of the run.
      metres_per_unit: meters of one unit of depth, for the alignment `none`; None: that of the run.
    """

    workdir: str
    gt_dir: str
    protocol: Protocol
    split: str = "all"
    camera: int = 2
    height: int = 0
    mask_workdir: str = ""
    mask_quality: bool = False
    baselines: bool = False
    depth_dir: str = ""
    checkpoint: str = "newest"
    metres_per_unit: float | None = None
    grid_shift: float | None = None

    def __post_init__(self):
        if self.baselines and self.protocol.alignment == "none":
            raise ValueError("--baselines are not in meters: choose another --alignment than none")
        if self.mask_workdir and not (self.protocol.static_only or self.mask_quality):
            raise ValueError("--mask_workdir is for --static_only and --mask_quality: give one")
        if self.metres_per_unit is not None and self.protocol.alignment != "none":
            raise ValueError(
                "--metres_per_unit is for --alignment=none: every other alignment finds its own"
            )
        if self.depth_dir and self.protocol.ground_truth != "depth":
            raise ValueError(
                f"--depth_dir has annotated depth maps, but ground truth is "
                f"{self.protocol.ground_truth}: leave one of them out"
            )
