"""TODO docstring of aquanet_tf.evaluation.run."""

from __future__ import annotations

from typing import Callable

import numpy as np

from aquanet_tf import progress
from aquanet_tf.evaluation import alignment, mask_quality, metrics
from aquanet_tf.evaluation import protocol as evaluation_protocol
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.kitti import ground_truth
from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.media import images

PARTS = ("all", "static", "moving")


def evaluate(
    frames: list[ground_truth.Frame],
    methods: dict[str, Callable],
    protocol: Protocol,
    static: Callable | None = None,
) -> dict[str, dict]:
    """Measures several methods on the same frames.

    Args:
      frames: from `ground_truth.find_frames`.
      methods: name -> function from a frame to inverse depth [h, w], relative units, any size.
      protocol: the one protocol of all of them.
      static: function from a frame to bool [h, w], the pixels that count; None: all. A frame
        where it leaves none is left out. ValueError when that is every frame.

    Returns name -> {"means": {part: metrics or None}, "ratio": {"median", "spread"}, "rows"}.
    The ratio is median(gt) / median(prediction) of each image, whatever the alignment; its
    spread is the standard deviation over images divided by the median.
    """
    ratios = dict.fromkeys(methods, 1.0)
    keeps = {}
    if static is not None:
        for frame in progress.bar(frames, desc="masks", unit="image"):
            keeps[frame.key] = _kept(frame, static, protocol)
        frames = [frame for frame in frames if keeps[frame.key] is not None]
        if not frames:
            raise ValueError("--static_only: the masks leave no pixel with ground truth at all")
    if protocol.alignment == "global_median":
        found = {name: [] for name in methods}
        for frame in progress.bar(frames, desc="pass 1 of 2: global ratio", unit="image"):
            for name, row in _measure(frame, methods, protocol, ratios, keeps).items():
                found[name].append(row["ratio"])
        ratios = {name: float(np.median(values)) for name, values in found.items()}
    rows = {name: [] for name in methods}
    for frame in progress.bar(frames, desc="evaluate", unit="image"):
        for name, row in _measure(frame, methods, protocol, ratios, keeps).items():
            rows[name].append({"frame": frame.key, **row})
    return {name: _summary(rows[name]) for name in methods}


def _kept(frame, static, protocol):
    """Packed static mask at the size of the ground truth, None where it leaves no pixel."""
    gt = frame.depth()
    mask = alignment.resize_bilinear(static(frame).astype(np.float32), *gt.shape) >= 0.5
    return (
        np.packbits(mask) if (mask & evaluation_protocol.valid_mask(gt, protocol)).any() else None
    )


def _measure(frame, methods, protocol, ratios, keeps) -> dict[str, dict]:
    gt = frame.depth()
    keep = None
    if keeps:
        keep = np.unpackbits(keeps[frame.key], count=gt.size).reshape(gt.shape).astype(bool)
    moving = frame.moving(gt.shape)
    try:
        return {
            name: metrics.evaluate_image(gt, method(frame), protocol, moving, ratios[name], keep)
            for name, method in methods.items()
        }
    except ValueError as error:
        raise ValueError(f"{frame.truth}: {error}") from error


def _summary(rows) -> dict:
    ratios = np.array([row["ratio"] for row in rows])
    middle = float(np.median(ratios))
    return {
        "means": {part: metrics.mean_metrics([row.get(part) for row in rows]) for part in PARTS},
        "ratio": {"median": middle, "spread": float(np.std(ratios / middle))},
        "rows": rows,
    }


def measure_masks(frames, spimo: Callable, automask: Callable) -> dict[str, dict]:
    """`mask_quality` of SPIMO and auto-masks, on the same frames: those with a motion mask and
    both neighbors. ValueError when there is none.

    Args:
      frames: from `ground_truth.find_frames`.
      spimo: predictor.SpimoScore; automask: predictor.AutoMaskScore.
    """
    curves = {
        "spimo": mask_quality.MaskCurve(_with(np.geomspace(1e-5, 10.0, 121), spimo.threshold)),
        "automask": mask_quality.MaskCurve(_with(np.linspace(-0.5, 0.5, 201), automask.threshold)),
    }
    for frame in progress.bar(frames, desc="mask quality", unit="image"):
        paths = frame.neighbors()
        if frame.motion_mask is None or paths is None:
            continue
        triplet = [images.read_image(path) for path in paths]
        target = triplet[1]
        shape = target.shape[:2]
        moving, depth = frame.moving(shape), frame.depth()
        k = kitti_layout.intrinsics(frame.drive.calibration, frame.camera)
        curves["spimo"].add(spimo(target), moving, depth)
        curves["automask"].add(automask(triplet, k), moving, depth)
    if not curves["spimo"].images:
        raise ValueError("--mask_quality needs frames with a motion mask and both neighbors")
    thresholds = {"spimo": spimo.threshold, "automask": automask.threshold}
    return {name: curve.summary(thresholds[name]) for name, curve in curves.items()}


def _with(thresholds, own):
    return np.union1d(thresholds, [own])
