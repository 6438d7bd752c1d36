"""The evaluation of `aquanet_tf.evaluate`: frames, methods and masks in, one JSON document out.

`run` does all of it for a `Settings`. `evaluate` measures any functions of frames, and
`measure_masks` the masks. Networks come in as functions, so nothing here needs TensorFlow.
"""

from __future__ import annotations

import pathlib
from typing import Callable, NamedTuple

import numpy as np

import aquanet_tf
from aquanet_tf import progress
from aquanet_tf.evaluation import alignment, eigen, mask_quality, metrics, model_entry, shapes
from aquanet_tf.evaluation import protocol as evaluation_protocol
from aquanet_tf.evaluation.baselines import BASELINES
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.evaluation.settings import Settings
from aquanet_tf.kitti import ground_truth
from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.media import images

PARTS = ("all", "static", "moving")


class MeasuredModels(NamedTuple):
    """What one evaluation measures: a depth network, and the masks.

    Attributes:
      network: inference.checkpoint.Predictor.
      spimo: inference.mask_scores.SpimoScore.
      automask: inference.mask_scores.AutoMaskScore; None unless the masks are measured.
    """

    network: Callable
    spimo: Callable
    automask: Callable | None = None


def run(settings: Settings, load: Callable[[Settings], MeasuredModels]) -> dict:
    """Evaluates a run; returns the document that `aquanet_tf.evaluate` writes as JSON.

    load: makes the models. It is called after the frames were found, so that a missing file is
    reported before TensorFlow is loaded. Raises ValueError that names what is missing.
    """
    protocol = settings.protocol
    frames, without = eigen.evaluated_frames(
        settings.gt_dir,
        settings.split,
        settings.camera,
        protocol.ground_truth,
        settings.depth_dir,
    )
    shapes.check(frames)
    models = load(settings)
    methods = {"network": lambda f: models.network(images.read_image(f.image)).inverse_depth}
    if settings.baselines:
        methods.update(BASELINES)
    static = None
    if protocol.static_only:

        def static(frame):
            return models.spimo.static(images.read_image(frame.image))

    results = evaluate(frames, methods, protocol, static)
    measured = len(results["network"]["rows"])
    masks = {}
    if settings.mask_quality:
        masks = measure_masks(frames, models.spimo, models.automask)
    return {
        "protocol": vars(protocol),
        "protocol_line": protocol.line(),
        "gt_dir": str(pathlib.Path(settings.gt_dir).resolve()),
        "depth_dir": str(pathlib.Path(settings.depth_dir).resolve()) if settings.depth_dir else "",
        "split": settings.split,
        "camera": settings.camera,
        "images": measured,
        "images_without_ground_truth": without,
        "images_left_out": len(frames) - measured,
        "model": {
            **model_entry.of(settings.workdir, models.network),
            "metres_per_unit": models.network.metres_per_unit,
        },
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
        "mask_workdir": str(pathlib.Path(settings.mask_workdir or settings.workdir).resolve()),
        "masks": masks,
        **results.pop("network"),
        "baselines": results,
    }


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
      protocol: used for all methods.
      static: function from a frame to bool [h, w], the pixels that count; None: all pixels.

    A frame without a pixel that counts is left out. Raises ValueError when that leaves out every
    frame, and for ground truth that was cropped, see `shapes`.

    Returns name -> {"means": {part: metrics or None}, "ratio": {"median", "spread"}, "rows"}.
    The ratio is median(gt) / median(prediction) of each image, under every alignment; its spread
    is the standard deviation over images divided by the median.
    """
    shapes.check(frames)
    ratios = dict.fromkeys(methods, 1.0)
    keeps = {}
    if static is not None:
        for frame in progress.bar(frames, desc="masks", unit="image"):
            keeps[frame.key] = _kept(frame, static, protocol)
        frames = [frame for frame in frames if keeps[frame.key] is not None]
        if not frames:
            raise ValueError("--static_only: the masks leave no pixel with ground truth")
    if protocol.alignment == "global_median":
        ratios_of = {name: [] for name in methods}
        for frame in progress.bar(frames, desc="pass 1 of 2: global ratio", unit="image"):
            for name, row in _measure(frame, methods, protocol, ratios, keeps).items():
                ratios_of[name].append(row["ratio"])
        _require_pixels(ratios_of, frames, protocol)
        ratios = {name: float(np.median(values)) for name, values in ratios_of.items()}
    rows = {name: [] for name in methods}
    for frame in progress.bar(frames, desc="evaluate", unit="image"):
        for name, row in _measure(frame, methods, protocol, ratios, keeps).items():
            rows[name].append({"frame": frame.key, **row})
    _require_pixels(rows, frames, protocol)
    return {name: _summary(rows[name]) for name in methods}


def _kept(frame, static, protocol):
    """Static mask at the size of the ground truth, as packed bits; None without a valid pixel."""
    gt = frame.depth()
    mask = alignment.resize_bilinear(static(frame).astype(np.float32), *gt.shape) >= 0.5
    return (
        np.packbits(mask) if (mask & evaluation_protocol.valid_mask(gt, protocol)).any() else None
    )


def _measure(frame, methods, protocol, ratios, keeps) -> dict[str, dict]:
    """name -> metrics.evaluate_image of one frame; empty without a pixel that counts.

    ValueError names the file.
    """
    gt = frame.depth()
    keep = None
    if keeps:
        keep = np.unpackbits(keeps[frame.key], count=gt.size).reshape(gt.shape).astype(bool)
    elif not evaluation_protocol.valid_mask(gt, protocol).any():
        return {}
    moving = frame.moving(gt.shape)
    try:
        return {
            name: metrics.evaluate_image(gt, method(frame), protocol, moving, ratios[name], keep)
            for name, method in methods.items()
        }
    except ValueError as error:
        raise ValueError(f"{frame.truth}: {error}") from error


def _require_pixels(found: dict[str, list], frames, protocol) -> None:
    """ValueError when no frame had a pixel that counts."""
    if not any(found.values()):
        raise ValueError(
            f"{frames[0].truth}: no ground-truth pixel is left under this protocol, nor in any "
            f"other of the {len(frames)} images ({protocol.line()})"
        )


def _summary(rows) -> dict:
    """One entry of the result of `evaluate`, from its rows."""
    ratios = np.array([row["ratio"] for row in rows])
    middle = float(np.median(ratios))
    return {
        "means": {part: metrics.mean_metrics([row.get(part) for row in rows]) for part in PARTS},
        "ratio": {"median": middle, "spread": float(np.std(ratios / middle))},
        "rows": rows,
    }


def measure_masks(frames, spimo: Callable, automask: Callable) -> dict[str, dict]:
    """Measures SPIMO masks and auto-masks on the same frames.

    Args:
      frames: from `ground_truth.find_frames`. Those with a motion mask and both neighbors are used;
        ValueError when there is none.
      spimo: mask_scores.SpimoScore.
      automask: mask_scores.AutoMaskScore.

    Returns name -> `mask_quality.MaskCurve.summary`.
    """
    curves = {
        "spimo": mask_quality.spimo_curve(spimo.threshold),
        "automask": mask_quality.MaskCurve(
            np.union1d(np.linspace(-0.5, 0.5, 201), [automask.threshold])
        ),
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
