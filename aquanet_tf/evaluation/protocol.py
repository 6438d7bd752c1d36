"""The protocol of an evaluation: ground truth, crop (Garg), depth range, alignment.

A depth metric is only comparable under the same protocol. `Protocol` therefore is printed with
every table (`Protocol.line`) and stored in every result file. `valid_mask` selects the pixels that
count. How relative depth becomes meters is in `alignment`, the metrics are in `metrics`.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

GROUND_TRUTHS = ("depth", "velodyne")
CROPS = ("none", "garg")
POST_PROCESSINGS = ("none", "flip", "multi_scale")  # done by networks.post_processing
ALIGNMENTS = ("median", "none", "global_median", "least_squares")

_ALIGNMENT_TEXT = {
    "median": "scale = median(gt) / median(prediction) per image",
    "none": "none (prediction taken as meters)",
    "global_median": "one scale for all images, the median of their median ratios",
    "least_squares": "scale and shift of inverse depth per image, least squares",
}
# The crop of Garg et al. (ECCV 2016): top, bottom, left, right as shares of height and width.
_GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How depth is compared with ground truth. Lengths in meters. Raises ValueError when built
    from unknown names or an empty depth range.

    Attributes:
      ground_truth: one of GROUND_TRUTHS: annotated depth maps or raw velodyne scans.
      crop: one of CROPS, see `garg_crop`.
      min_depth, max_depth: the aligned prediction is clipped to this range (the cap).
      alignment: one of ALIGNMENTS, see `alignment.fit_alignment`.
      cap_ground_truth: leave out pixels whose ground truth lies outside the range. False keeps
        them while the prediction is still clipped, as Monodepth2 does on the annotated
        ("improved") ground truth.
      static_only: leave out pixels that SPIMO masks call likely moving, before the alignment (the
        paper's "1st-stat").
      post_processing: one of POST_PROCESSINGS, of the prediction: averaged with the mirrored image
        (`flip`), or blended at two more sizes (`multi_scale`, the paper's "P").

    Example:

        Protocol(ground_truth="velodyne", crop="garg").line()
    """

    ground_truth: str = "depth"
    crop: str = "none"
    min_depth: float = 1e-3
    max_depth: float = 80.0
    alignment: str = "median"
    cap_ground_truth: bool = True
    static_only: bool = False
    post_processing: str = "none"

    def __post_init__(self):
        for name, choices in (
            ("ground_truth", GROUND_TRUTHS),
            ("crop", CROPS),
            ("alignment", ALIGNMENTS),
            ("post_processing", POST_PROCESSINGS),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"--{name}={getattr(self, name)}: expected one of {', '.join(choices)}"
                )
        if not 0 < self.min_depth < self.max_depth < math.inf:  # JSON has no infinity
            raise ValueError(
                f"--max_depth={self.max_depth}: must be finite and exceed the smallest depth, "
                f"{self.min_depth} m"
            )

    def line(self) -> str:
        """The whole protocol in one line, to be printed with every number."""
        truth = {"depth": "annotated depth maps", "velodyne": "raw velodyne scans"}
        kept = "" if self.cap_ground_truth else " (prediction only)"
        pixels = "; pixels: static by SPIMO masks only" if self.static_only else ""
        processed = self.post_processing
        processed = "" if processed == "none" else f"; post-processing: {processed}"
        return (
            f"ground truth: {truth[self.ground_truth]}; crop: {self.crop}; "
            f"cap: {self.min_depth:g}..{self.max_depth:g} m{kept}; "
            f"alignment: {_ALIGNMENT_TEXT[self.alignment]}; metrics averaged over images"
            f"{pixels}{processed}"
        )


def garg_crop(height: int, width: int) -> np.ndarray:
    """Bool [height, width]: True inside the crop of Garg et al., which drops sky and hood."""
    top, bottom, left, right = _GARG
    mask = np.zeros((height, width), bool)
    mask[int(top * height) : int(bottom * height), int(left * width) : int(right * width)] = True
    return mask


def valid_mask(gt: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Bool [h, w]: pixels of the depth map `gt` (meters, 0 = none) that the protocol counts."""
    gt = np.asarray(gt)
    mask = np.isfinite(gt) & (gt > 0)
    if protocol.cap_ground_truth:
        mask &= (gt > protocol.min_depth) & (gt < protocol.max_depth)
    if protocol.crop == "garg":
        mask &= garg_crop(*gt.shape)
    return mask
