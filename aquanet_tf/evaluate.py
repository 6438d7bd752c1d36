"""Depth against ground truth in the KITTI layout, under a stated protocol.

    python -m aquanet_tf.evaluate --workdir RUN --gt_dir RAW --split FILE|all --out FILE.json
    python -m aquanet_tf.evaluate --workdir RUN --gt_dir RAW --protocol eigen_original --out FILE

Prints a table under its protocol line, and errors by distance (`distance_bands`), and writes the
protocol, the means and every image's numbers as JSON. Where motion masks exist, static and moving
pixels are also reported apart: the alignment is found once on *all* valid pixels, then each part
is measured with it.

`--static_only` leaves out what the SPIMO masks of the run, or of `--mask_workdir`, call likely
moving, before the alignment (the paper's "1st-stat"). `--post_processing` averages with the
mirrored image (`flip`) or blends it at two more sizes (`multi_scale`, the paper's "P").
`--mask_quality` also measures SPIMO masks and Monodepth2's auto-masks against motion masks.

`--baselines` puts two predictions that look at no pixel beside the network, under the same
protocol: `constant`, the same depth everywhere, and `ramp`, a flat road that ends at a wall:
inverse depth max(v - horizon, H / 5) of the row v in an image of H rows, the horizon being the
principal point's row in the calibration (a level camera). Without the wall, all above the horizon
would be at infinity, and the ramp worse than a constant in any street with houses; H / 5 is near
the best choice on KITTI and on the street alike, so the ramp is a baseline worth beating. Both
get their scale from the alignment, as the network does.
"""

from __future__ import annotations

import pathlib
from typing import Callable

import numpy as np
from absl import flags
from tqdm import tqdm

import aquanet_tf
from aquanet_tf import (
    cli,
    distance_bands,
    eigen,
    ground_truth,
    images,
    json_file,
    kitti_layout,
    mask_quality,
    metrics,
)

PARTS = ("all", "static", "moving")


def constant_baseline(frame: ground_truth.Frame) -> np.ndarray:
    """Inverse depth 1 everywhere, [H, W]."""
    return np.ones(kitti_layout.image_shape(frame.drive.calibration, frame.camera))


def ramp_baseline(frame: ground_truth.Frame) -> np.ndarray:
    """A flat road that ends at a wall, [H, W]: inverse depth max(v - horizon, H / 5)."""
    height, width = kitti_layout.image_shape(frame.drive.calibration, frame.camera)
    rows = np.maximum(np.arange(height) - frame.horizon((height, width)), height / 5)
    return np.repeat(rows[:, None], width, axis=1)


BASELINES = {"constant": constant_baseline, "ramp": ramp_baseline}


def evaluate(
    frames: list[ground_truth.Frame],
    methods: dict[str, Callable],
    protocol: metrics.Protocol,
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
        for frame in tqdm(frames, desc="masks", unit="image"):
            keeps[frame.key] = _kept(frame, static, protocol)
        frames = [frame for frame in frames if keeps[frame.key] is not None]
        if not frames:
            raise ValueError("--static_only: the masks leave no pixel with ground truth at all")
    if protocol.alignment == "global_median":
        found = {name: [] for name in methods}
        for frame in tqdm(frames, desc="pass 1 of 2: global ratio", unit="image"):
            for name, row in _measure(frame, methods, protocol, ratios, keeps).items():
                found[name].append(row["ratio"])
        ratios = {name: float(np.median(values)) for name, values in found.items()}
    rows = {name: [] for name in methods}
    for frame in tqdm(frames, desc="evaluate", unit="image"):
        for name, row in _measure(frame, methods, protocol, ratios, keeps).items():
            rows[name].append({"frame": frame.key, **row})
    return {name: _summary(rows[name]) for name in methods}


def _kept(frame, static, protocol):
    """Packed static mask at the size of the ground truth, None where it leaves no pixel."""
    gt = frame.depth()
    mask = metrics.resize_bilinear(static(frame).astype(np.float32), *gt.shape) >= 0.5
    return np.packbits(mask) if (mask & metrics.valid_mask(gt, protocol)).any() else None


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
    both neighbours. ValueError when there is none.

    Args:
      frames: from `ground_truth.find_frames`.
      spimo: predictor.SpimoScore; automask: predictor.AutoMaskScore.
    """
    curves = {
        "spimo": mask_quality.MaskCurve(_with(np.geomspace(1e-5, 10.0, 121), spimo.threshold)),
        "automask": mask_quality.MaskCurve(_with(np.linspace(-0.5, 0.5, 201), automask.threshold)),
    }
    for frame in tqdm(frames, desc="mask quality", unit="image"):
        paths = frame.neighbours()
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
        raise ValueError("--mask_quality needs frames with a motion mask and both neighbours")
    thresholds = {"spimo": spimo.threshold, "automask": automask.threshold}
    return {name: curve.summary(thresholds[name]) for name, curve in curves.items()}


def _with(thresholds, own):
    return np.union1d(thresholds, [own])


def table(results: dict[str, dict], protocol: metrics.Protocol) -> str:
    """The means of several methods as text, under the protocol line."""
    lines = [f"protocol: {protocol.line()}"]
    for name, result in results.items():
        ratio = result["ratio"]
        lines.append(
            f"median ratio of {name}: {ratio['median']:.4g} m per unit, "
            f"spread over images {100 * ratio['spread']:.1f} %"
        )
    if any(result["means"]["static"] for result in results.values()):
        lines.append("static and moving: one alignment per image, found on all valid pixels")
    head = "".join(f"{name:>10}" for name in metrics.METRICS)
    lines += ["", f"{'':18}{head}{'images':>9}{'pixels':>11}"]
    means = {
        f"{name:<10}{part:<8}": mean
        for name, result in results.items()
        for part, mean in result["means"].items()
        if mean
    }
    for label, mean in means.items():
        numbers = "".join(f"{mean[metric]:10.4f}" for metric in metrics.METRICS)
        lines.append(f"{label}{numbers}{mean['images']:9d}{mean['pixels']:11d}")
    return "\n".join([*lines, "", distance_bands.table(means)])


def define_flags() -> None:
    """The flags of the command; Protocol says what each of its options means."""
    flags.DEFINE_string("workdir", None, "Directory of a training run.", required=True)
    flags.DEFINE_string("gt_dir", None, "KITTI raw directory with ground truth.", required=True)
    flags.DEFINE_string("split", "all", "Split file (DATE/DRIVE [FRAME [l|r]] lines), or all.")
    flags.DEFINE_enum(
        "protocol",
        "",
        ["", *eigen.PROTOCOLS],
        "All 697 or 652 test images of Eigen's split; fixes split, ground truth, crop and cap.",
    )
    flags.DEFINE_string("out", None, "JSON file to write.", required=True)
    flags.DEFINE_enum(
        "ground_truth", "depth", list(metrics.GROUND_TRUTHS), "Annotated maps or raw scans."
    )
    flags.DEFINE_enum("crop", "none", list(metrics.CROPS), "Part of the image that counts.")
    flags.DEFINE_enum("alignment", "median", list(metrics.ALIGNMENTS), "How metres are found.")
    flags.DEFINE_float("max_depth", 80.0, "Cap in metres.")
    flags.DEFINE_bool(
        "cap_ground_truth",
        True,
        "Leave out ground truth beyond the cap. Monodepth2's 'eigen_benchmark' keeps it.",
    )
    flags.DEFINE_enum("camera", "2", ["2", "3"], "Camera of the drives (a split's l, r wins).")
    flags.DEFINE_integer("height", 0, "Working height; 0: the one the run was trained for.")
    flags.DEFINE_bool("static_only", False, "Count static pixels by SPIMO masks only.")
    flags.DEFINE_string("mask_workdir", "", "Stage-1 run that makes the masks; empty: --workdir.")
    flags.DEFINE_bool("mask_quality", False, "Measure the masks too, where motion is known.")
    flags.DEFINE_enum(
        "post_processing", "none", list(metrics.POST_PROCESSINGS), "Of the network's prediction."
    )
    flags.DEFINE_bool("baselines", False, "Also measure the constant and the ramp baseline.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    if options.protocol:
        eigen.fix_flags(options, options.protocol)
    protocol = metrics.Protocol(
        ground_truth=options.ground_truth,
        crop=options.crop,
        max_depth=options.max_depth,
        alignment=options.alignment,
        cap_ground_truth=options.cap_ground_truth,
        static_only=options.static_only,
        post_processing=options.post_processing,
    )
    if options.baselines and protocol.alignment == "none":
        raise ValueError("--baselines have no metres of their own: choose an --alignment")
    if options.protocol:
        frames, without = eigen.find_frames(options.gt_dir, options.protocol), 0
    else:
        frames, without = ground_truth.find_frames(
            options.gt_dir, options.split, int(options.camera), options.ground_truth
        )
    from aquanet_tf import checkpoints, predictor  # TensorFlow: only once the files are there

    run = checkpoints.load_run(options.workdir)
    network = predictor.Predictor(run, options.height, options.post_processing)
    masking = checkpoints.load_run(options.mask_workdir) if options.mask_workdir else run
    spimo = predictor.SpimoScore(masking, options.height)
    methods = {"network": lambda frame: network(images.read_image(frame.image)).inverse_depth}
    if options.baselines:
        methods.update(BASELINES)
    static = None
    if options.static_only:

        def static(frame):
            return spimo(images.read_image(frame.image)) < spimo.threshold

    results = evaluate(frames, methods, protocol, static)
    masks = {}
    if options.mask_quality:
        automask = predictor.AutoMaskScore(masking, options.height)
        masks = measure_masks(frames, spimo, automask)
    document = {
        "protocol": vars(protocol),
        "protocol_line": protocol.line(),
        "gt_dir": str(pathlib.Path(options.gt_dir).resolve()),
        "split": options.protocol or options.split,
        "camera": int(options.camera),
        "images": len(frames),
        "images_without_ground_truth": without,
        "model": {
            "workdir": str(pathlib.Path(options.workdir).resolve()),
            "epoch": network.epoch,
            "working_height": network.height,
        },
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
        "mask_workdir": str(pathlib.Path(options.mask_workdir or options.workdir).resolve()),
        "masks": masks,
        **results.pop("network"),
        "baselines": results,
    }
    json_file.write(options.out, document)
    print(f"{len(frames)} images; {without} more have no ground truth")
    print(table({"network": document, **results}, protocol))
    if masks:
        print(f"\n{mask_quality.table(masks)}")
    print(f"written: {options.out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
