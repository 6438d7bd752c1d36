"""The seven depth metrics: of two vectors, of one image under a protocol, and means over images.

The order of the steps is that of the field's evaluation code: resize the prediction to the size of
the ground truth *in inverse depth* (the paper's disparity), select pixels (`protocol.valid_mask`,
with the Garg crop and the cap), align on all selected pixels (`alignment`), clip the aligned depth
to the cap, compute the metrics of the image, average over images.
"""

from __future__ import annotations

import numpy as np

from aquanet_tf.evaluation import alignment, distance_bands
from aquanet_tf.evaluation import protocol as evaluation_protocol
from aquanet_tf.evaluation.protocol import Protocol

METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "a1", "a2", "a3")


def depth_metrics(gt, prediction) -> dict[str, float]:
    """The seven usual metrics of `prediction` against `gt`, 1-D arrays of positive meters.

    Returns abs_rel, sq_rel (meters), rmse (meters), rmse_log, and a1, a2, a3: the share of
    pixels with max(gt/p, p/gt) below 1.25, 1.25^2, 1.25^3 (Eigen et al., NIPS 2014).
    Raises ValueError for empty, unequal, non-positive or non-finite input.

    Example:

        depth_metrics([2.0, 4.0], [2.0, 5.0])["abs_rel"]  # 0.125
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


def evaluate_image(
    gt, inverse_depth, protocol: Protocol, moving=None, global_ratio=1.0, keep=None
) -> dict:
    """Measures one image under `protocol`.

    Args:
      gt: [H, W] meters, 0 = no ground truth.
      inverse_depth: [h, w] prediction, relative units; resized to [H, W] first.
      moving: optional bool [H, W], True on independently moving objects.
      global_ratio: meters per unit, for alignment `global_median`.
      keep: optional bool [H, W]: only these pixels count, also for the alignment.

    Returns {"ratio": the median ratio (under every alignment), "scale", "shift", "all": metrics}
    and, given `moving`, "static" and "moving": the metrics of the two parts, both under the *one*
    alignment found on all selected pixels; None for an empty part. Each set of metrics also holds
    "pixels" and "by_distance", see `distance_bands.measure`. Raises ValueError when the protocol
    leaves no pixel or the prediction is not finite.
    """
    gt = np.asarray(gt, np.float64)
    mask = evaluation_protocol.valid_mask(gt, protocol)
    if keep is not None:
        mask &= keep
    if not mask.any():
        raise ValueError(f"no ground-truth pixel is left under this protocol ({protocol.line()})")
    inverse = alignment.resize_bilinear(np.asarray(inverse_depth), *gt.shape)[mask].astype(
        np.float64
    )
    if not np.isfinite(inverse).all():
        raise ValueError("the prediction holds NaN or infinite inverse depth")
    truth = gt[mask]
    scale, shift = alignment.fit_alignment(truth, inverse, protocol.alignment, global_ratio)
    depth = alignment.aligned_depth(inverse, scale, shift, protocol)
    row = {
        "ratio": alignment.median_ratio(truth, inverse),
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
    """Mean of each metric over images.

    parts: metrics of one part ("all", "static" or "moving") of each image, None where an image has
    no such pixel. Also returns "images", the number of images averaged over, "pixels" and
    "by_distance", see `distance_bands.pooled`. None without any image.
    """
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
