"""Depth metrics and the protocol under which they are taken (NumPy only).

A depth number means nothing without its protocol: which ground truth, which part of the image,
which range, and how relative depth was brought to metres. `Protocol` holds exactly that, is
printed with every table (`Protocol.line`) and stored in every result file.

Order of the steps, as in the field's common evaluation code: resize the prediction to the size
of the ground truth *in inverse-depth space*, select pixels, align on all selected pixels, clip
the aligned depth to the cap, take the metrics of one image, average over images.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from aquanet_tf import distance_bands

METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "a1", "a2", "a3")
GROUND_TRUTHS = ("depth", "velodyne")
CROPS = ("none", "garg")
POST_PROCESSINGS = ("none", "flip", "multi_scale")
ALIGNMENTS = ("median", "none", "global_median", "least_squares")

_ALIGNMENT_TEXT = {
    "median": "scale = median(gt) / median(prediction) per image",
    "none": "none (prediction taken as metres)",
    "global_median": "one scale for all images, the median of their median ratios",
    "least_squares": "scale and shift of inverse depth per image, least squares",
}
# Corners of the crop of Garg et al. (ECCV 2016): top, bottom, left, right shares of the image.
_GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
_TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How depth is compared with ground truth. Lengths in metres.

    `cap_ground_truth`: pixels whose ground truth lies outside (min_depth, max_depth) are left
    out. False keeps them while the prediction is still clipped, as Monodepth2 does on the
    annotated ("improved") ground truth. `static_only`: pixels that SPIMO masks call likely moving
    are left out, before the alignment. `post_processing`: of the prediction, see
    `boosting.post_processed`.
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
        if not 0 < self.min_depth < self.max_depth:
            raise ValueError(
                f"--max_depth={self.max_depth}: must exceed the smallest depth, {self.min_depth} m"
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


def depth_metrics(gt, prediction) -> dict[str, float]:
    """The seven usual errors of `prediction` against `gt`, 1-D arrays of positive metres.

    Returns abs_rel, sq_rel (metres), rmse (metres), rmse_log, and a1, a2, a3: the share of
    pixels with max(gt/p, p/gt) below 1.25, 1.25^2, 1.25^3 (Eigen et al., NIPS 2014).
    Raises ValueError for empty, unequal, non-positive or non-finite input.
    """
    gt, prediction = np.asarray(gt, np.float64), np.asarray(prediction, np.float64)
    if gt.ndim != 1 or gt.shape != prediction.shape or gt.size == 0:
        raise ValueError(
            "depth metrics need two equal, non-empty 1-D arrays, "
            f"got shapes {gt.shape} and {prediction.shape}"
        )
    for name, values in (("ground truth", gt), ("prediction", prediction)):
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"depth metrics: the {name} must be finite and positive")
    error = gt - prediction
    ratio = np.maximum(gt / prediction, prediction / gt)
    return {
        "abs_rel": float(np.mean(np.abs(error) / gt)),
        "sq_rel": float(np.mean(error**2 / gt)),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "rmse_log": float(np.sqrt(np.mean((np.log(gt) - np.log(prediction)) ** 2))),
        **{f"a{n}": float(np.mean(ratio < 1.25**n)) for n in (1, 2, 3)},
    }


def garg_crop(height: int, width: int) -> np.ndarray:
    """Bool [height, width]: True inside the crop of Garg et al. (drops sky and bonnet)."""
    top, bottom, left, right = _GARG
    mask = np.zeros((height, width), bool)
    mask[int(top * height) : int(bottom * height), int(left * width) : int(right * width)] = True
    return mask


def valid_mask(gt: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Bool [h, w]: pixels of the depth map `gt` (metres, 0 = none) that the protocol counts."""
    gt = np.asarray(gt)
    mask = np.isfinite(gt) & (gt > 0)
    if protocol.cap_ground_truth:
        mask &= (gt > protocol.min_depth) & (gt < protocol.max_depth)
    if protocol.crop == "garg":
        mask &= garg_crop(*gt.shape)
    return mask


def median_ratio(gt, inverse_depth) -> float:
    """median(gt) / median(1 / inverse_depth) of 1-D arrays: metres in one unit of prediction."""
    return float(np.median(gt) / np.median(1.0 / np.maximum(inverse_depth, _TINY)))


def fit_alignment(gt, inverse_depth, alignment: str, global_ratio: float = 1.0):
    """(scale, shift) such that scale * inverse_depth + shift is in 1 / metres.

    gt [n] metres and inverse_depth [n] relative units are the selected pixels of one image.
    `global_ratio` (metres per unit) is used by `global_median` only.
    """
    if alignment == "median":
        return 1.0 / median_ratio(gt, inverse_depth), 0.0
    if alignment == "global_median":
        return 1.0 / global_ratio, 0.0
    if alignment == "least_squares":
        return _fit_line(np.asarray(inverse_depth, np.float64), 1.0 / np.asarray(gt, np.float64))
    return 1.0, 0.0


def _fit_line(x, y):
    """Least-squares (slope, intercept); a constant x gets slope 1 and the mean difference."""
    centred = x - x.mean()
    spread = np.sum(centred**2)
    # Relative to x itself: float32 noise of a constant map must not pass for a slope.
    constant = spread <= x.size * (1e-6 * np.abs(x).max()) ** 2
    slope = 1.0 if constant else np.sum(centred * (y - y.mean())) / spread
    return float(slope), float(y.mean() - slope * x.mean())


def aligned_depth(inverse_depth, scale: float, shift: float, protocol: Protocol) -> np.ndarray:
    """Metres, clipped to the cap: 1 / (scale * inverse_depth + shift), any shape."""
    inverse = scale * np.asarray(inverse_depth, np.float64) + shift
    depth = 1.0 / np.maximum(inverse, _TINY)  # nothing, or less than nothing, is infinitely far
    return np.clip(depth, protocol.min_depth, protocol.max_depth)


def resize_bilinear(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """values [h, w] at [height, width]: bilinear, half-pixel centres, edges repeated.

    No smoothing when it shrinks (what tf.image.resize and OpenCV do by default).
    """
    values = np.asarray(values)
    if values.shape == (height, width):
        return values
    low_y, high_y, part_y = _taps(values.shape[0], height)
    low_x, high_x, part_x = _taps(values.shape[1], width)
    rows = values[low_y] * (1 - part_y)[:, None] + values[high_y] * part_y[:, None]
    return rows[:, low_x] * (1 - part_x) + rows[:, high_x] * part_x


def _taps(old: int, new: int):
    """Two source indices and the weight of the second for each of `new` pixel centres."""
    centre = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.floor(centre).astype(int)
    return low, np.minimum(low + 1, old - 1), (centre - low).astype(np.float32)


def evaluate_image(
    gt, inverse_depth, protocol: Protocol, moving=None, global_ratio=1.0, keep=None
) -> dict:
    """One image under `protocol`.

    Args:
      gt: [H, W] metres, 0 where there is none.
      inverse_depth: [h, w] prediction, relative units; resized to [H, W] first.
      moving: optional bool [H, W], True on independently moving objects.
      global_ratio: metres per unit, for alignment `global_median`.
      keep: optional bool [H, W]: only these pixels count, for the alignment too.

    Returns {"ratio": the median ratio whatever the alignment, "scale", "shift", "all": metrics}
    and, given `moving`, "static" and "moving": the metrics of the two parts under the *one*
    alignment found on all selected pixels, or None where a part is empty. Each set of metrics
    carries "pixels" and "by_distance", see `distance_bands.measure`. Raises ValueError when the
    protocol leaves no pixel.
    """
    gt = np.asarray(gt, np.float64)
    mask = valid_mask(gt, protocol)
    if keep is not None:
        mask &= keep
    if not mask.any():
        raise ValueError(f"no ground-truth pixel is left under this protocol ({protocol.line()})")
    inverse = resize_bilinear(np.asarray(inverse_depth), *gt.shape)[mask].astype(np.float64)
    if not np.isfinite(inverse).all():
        raise ValueError("the prediction holds NaN or infinite inverse depth")
    truth = gt[mask]
    scale, shift = fit_alignment(truth, inverse, protocol.alignment, global_ratio)
    depth = aligned_depth(inverse, scale, shift, protocol)
    row = {
        "ratio": median_ratio(truth, inverse),
        "scale": scale,
        "shift": shift,
        "all": _part(truth, depth, np.ones(truth.shape, bool)),
    }
    if moving is not None:
        inside = np.asarray(moving, bool)[mask]
        row["static"], row["moving"] = _part(truth, depth, ~inside), _part(truth, depth, inside)
    return row


def _part(gt, depth, chosen):
    if not chosen.any():
        return None
    gt, depth = gt[chosen], depth[chosen]
    return {
        **depth_metrics(gt, depth),
        "pixels": gt.size,
        "by_distance": distance_bands.measure(gt, depth),
    }


def mean_metrics(parts) -> dict | None:
    """Mean of each metric over the images that have the part, "images" says how many; and
    "by_distance", see `distance_bands.pooled`."""
    parts = [part for part in parts if part]
    if not parts:
        return None
    means = {name: float(np.mean([part[name] for part in parts])) for name in METRICS}
    return {
        **means,
        "images": len(parts),
        "pixels": int(sum(part["pixels"] for part in parts)),
        "by_distance": distance_bands.pooled([part["by_distance"] for part in parts]),
    }
