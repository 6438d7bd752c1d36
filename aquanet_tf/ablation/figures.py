"""Draws the figures of the paper from the runs of an ablation (those of its first seed).

`figures` in the YAML file says which rows they show. Each key is optional and draws one figure:

    quantization: ROW         Fig. 3: levels, beta, probability volume
    masks: ROW                Fig. 5: SPIMO masks against auto-masks, both of that row's networks
    stages: [ROW, ROW, ...]   Fig. 6: stage 1 against stage 2
    systems: [ROW, ROW, ...]  Fig. 7: rows side by side

Always drawn: the curves of every measured mask, over all seeds, from the JSON of evaluate. Inverse
depth (the paper's disparity) is shown in 1 / meters, with the alignment that its evaluation found,
and with one color range per figure.
"""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf
from absl import logging
from PIL import Image

from aquanet_tf import files as files_module
from aquanet_tf.ablation import plots
from aquanet_tf.ablation.plan import Plan
from aquanet_tf.evaluation import eigen, frame_maps
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.inference import checkpoint, graph
from aquanet_tf.inference.mask_scores import AutoMaskScore, SpimoScore
from aquanet_tf.kitti import ground_truth
from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.layers import quantization
from aquanet_tf.media import color, images, sheet
from aquanet_tf.runs.run import load_run

_MIN_WIDTH = 300  # of one picture in a figure, pixels
_FRAMES = 4  # frames in a figure


def draw(plan: Plan) -> list[pathlib.Path]:
    """Draws the figures of the plan into OUT/figures; returns the files.

    A figure that cannot be drawn, for example of a row that was not run, is skipped with a warning.
    """
    folder = plan.out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, keys in plan.figures.items():
        if missing := [key for key in keys if not _ready(plan, key)]:
            logging.warning("no figure %s: row %s has no result", name, missing[0])
            continue
        path = folder / f"{name}.png"
        try:
            _DRAWERS[name](plan, keys, path)
        except ValueError as error:  # a missing figure must not cost the table
            logging.warning("no figure %s: %s", name, error)
            continue
        drawn.append(path)
    return drawn + _curves(plan, folder)


def _ready(plan, key) -> bool:
    return key in plan.rows and plan.evaluation(key, plan.seeds[0]).is_file()


def choose_frames(plan, evaluation: dict, count: int) -> list[ground_truth.Frame]:
    """Up to `count` evaluated frames that have both neighbors.

    With motion masks: of each drive in turn the frame with most moving pixels. Without: evenly
    spaced frames. Raises ValueError when there is none.
    """
    source = evaluation["protocol"]["ground_truth"]
    frames, _ = eigen.evaluated_frames(
        plan.gt_dir, evaluation["split"], evaluation["camera"], source
    )
    measured = {row["frame"] for row in evaluation["rows"]}
    frames = [f for f in frames if f.key in measured and f.neighbors() is not None]
    if not frames:
        raise ValueError("no evaluated frame has both neighbors")
    shares = [_moving_share(frame) for frame in frames]
    if not any(shares):
        places = np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)
        return [frames[place] for place in places]
    order = sorted(range(len(frames)), key=lambda i: -shares[i])
    chosen, used = [], []
    for turn in range(count):
        for i in order:
            if len(chosen) < count and i not in chosen:
                if used.count(frames[i].drive.name) <= turn:
                    chosen.append(i)
                    used.append(frames[i].drive.name)
    return [frames[i] for i in sorted(chosen)]


def _moving_share(frame) -> float:
    """Share of moving pixels; 0 without a motion mask."""
    moving = None if frame.motion_mask is None else frame.moving(frame.depth().shape)
    return 0.0 if moving is None else float(moving.mean())


def _draw_quantization(plan, keys, path):
    """Fig. 3 of the row's network."""
    run = load_run(plan.workdir(keys[0], plan.seeds[0]))
    evaluation = files_module.read(plan.evaluation(keys[0], plan.seeds[0]))
    if run.config.head != "adaptive":
        raise ValueError(f"row {keys[0]} has --head=direct and thus no levels")
    image = images.read_image(choose_frames(plan, evaluation, 1)[0].image)
    resized, grid, k = graph.network_inputs(run, tf.constant(image[None]))
    logits, beta = run.aquanet(resized, grid, k)
    low, high = run.config.inverse_depth_min, run.config.inverse_depth_max
    inverse_depth = quantization.expected_inverse_depth(logits, beta, low, high)
    shown = plots.Quantization(
        image=image,
        inverse_depth=inverse_depth.numpy()[0, ..., 0],
        beta=beta.numpy()[0, ..., 0],
        probability=tf.nn.softmax(logits).numpy()[0],
        inverse_depth_min=low,
        inverse_depth_max=high,
        beta_max=run.config.beta_max,
    )
    plots.quantization(path, shown)


def _draw_masks(plan, keys, path):
    """Fig. 5: input, motion mask where there is one, SPIMO mask and auto-mask."""
    run = load_run(plan.workdir(keys[0], plan.seeds[0]))
    evaluation = files_module.read(plan.evaluation(keys[0], plan.seeds[0]))
    spimo, automask = SpimoScore(run), AutoMaskScore(run)
    rows = []
    for frame in choose_frames(plan, evaluation, _FRAMES):
        triplet = [images.read_image(file) for file in frame.neighbors()]
        k = kitti_layout.intrinsics(frame.drive.calibration, frame.camera)
        masks = (spimo.static(triplet[1]), automask.static(triplet, k))
        row = [triplet[1], *(sheet.masked(triplet[1], static) for static in masks)]
        if frame.motion_mask is not None:
            moving = frame.moving(triplet[1].shape[:2])
            row.insert(1, sheet.masked(triplet[1], ~moving))
        rows.append(row)
    labels = ["input", "moving pixels (truth)", "SPIMO mask", "auto-mask (Monodepth2)"]
    if len(rows[0]) < len(labels):
        del labels[1]
    _save(path, rows, labels)


def _draw_depths(plan, keys, path):
    """Fig. 6 and 7: a column for each frame; rows: the input, those of the table, the truth."""
    seed = plan.seeds[0]
    evaluations = {key: files_module.read(plan.evaluation(key, seed)) for key in keys}
    first = evaluations[keys[0]]
    frames = choose_frames(plan, first, _FRAMES)
    drawn = {key: _maps(plan.workdir(key, seed), evaluations[key], frames) for key in keys}
    truths = drawn[keys[0]]
    high = frame_maps.nearest(truths)
    rows = [[_marked(each["image"], frame) for each, frame in zip(truths, frames)]]
    for key in keys:
        rows.append([color.color_inverse_depth(m["predicted"], 0, high) for m in drawn[key]])
    rows.append([color.color_inverse_depth(m["truth"], 0, high, m["valid"]) for m in truths])
    names = ["moving outlined", *(plan.rows[key].name for key in keys), "ground truth"]
    _save(path, rows, names=names)


def _maps(workdir, evaluation, frames) -> list[dict]:
    """`frame_maps.maps` of the frames by the run of an evaluation."""
    network = checkpoint.as_evaluated(load_run(workdir), evaluation)
    protocol = Protocol(**evaluation["protocol"])
    rows = {row["frame"]: row for row in evaluation["rows"]}
    return [frame_maps.maps(frame, rows[frame.key], network, protocol) for frame in frames]


def _marked(image, frame):
    """The image with moving objects outlined, where they are known."""
    if frame.motion_mask is None:
        return image
    return sheet.outline(image, frame.moving(image.shape[:2]))


def _save(path, rows, labels=None, names=None):
    Image.fromarray(sheet.grid(rows, labels, min_width=_MIN_WIDTH, names=names)).save(path)


def _curves(plan, folder) -> list[pathlib.Path]:
    """The mask curves of each row whose evaluations measured masks; returns the files."""
    drawn = []
    for key, row in plan.rows.items():
        files = [plan.evaluation(key, seed) for seed in plan.seeds]
        every = [files_module.read(file)["masks"] for file in files if file.is_file()]
        if not every or not every[0]:
            continue
        path = folder / f"mask_curves_{key}.png"
        names = {"spimo": "SPIMO dispersion", "automask": "auto-mask, margin swept"}
        plots.mask_curves(
            path,
            {text: [masks[name]["curve"] for masks in every] for name, text in names.items()},
            {text: [masks[name] for masks in every] for name, text in names.items()},
            f"Masks of moving pixels, networks of {row.name}, {len(every)} seed(s). "
            "Dot: the run's threshold",
        )
        drawn.append(path)
    return drawn


_DRAWERS = {
    "quantization": _draw_quantization,
    "masks": _draw_masks,
    "stages": _draw_depths,
    "systems": _draw_depths,
}
