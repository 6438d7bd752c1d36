"""What stage 2 made of stage 1's holes: numbers, and both depths of the same held-out frames."""

from __future__ import annotations

import pathlib
from typing import Callable, NamedTuple

from aquanet_tf import progress
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.inference import network as inference_network
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.masks import spimo
from aquanet_tf.media import color
from aquanet_tf.media import sheet as media_sheet
from aquanet_tf.runs.run import load_run
from export.report import page, pictures

_FLAG = "--stage1_evaluation"
_METRICS = ("abs_rel", "sq_rel", "rmse", "a1")


class StageOne(NamedTuple):
    """The stage-1 run that a report compares with: its depth network, its evaluation (content of
    the JSON of evaluate), and uint8 [H, W, 3] -> bool [H, W], what its SPIMO masks take for
    moving; None for a network they cannot read."""

    network: inference_network.Network
    evaluation: dict
    moving: Callable | None


def load(evaluation: dict, ours: dict) -> StageOne:
    """The stage-1 run of `evaluation`, to be compared with the run of the evaluation `ours`.

    Raises ValueError when the two do not measure the same frames under the same protocol, or
    the run has gone on since.
    """
    if not {"model", "rows", "protocol", "means"} <= set(evaluation):
        raise ValueError(f"{_FLAG}: not a file of evaluate")
    frames = [{row["frame"] for row in each["rows"]} for each in (evaluation, ours)]
    if frames[0] != frames[1] or evaluation["protocol"] != ours["protocol"]:
        raise ValueError(
            f"{_FLAG}: other frames or another protocol than --evaluation; evaluate both runs "
            "with the same flags"
        )
    model = evaluation["model"]
    run = load_run(pathlib.Path(model["workdir"]))
    if run.epoch != model["epoch"]:
        raise ValueError(
            f"{_FLAG} is of epoch {model['epoch']}, {model['workdir']} is at epoch {run.epoch}: "
            "run python -m aquanet_tf.evaluate again"
        )
    network = Predictor(run, model["working_height"])
    return StageOne(network, evaluation, network.moving if spimo.readable(run.config) else None)


def draw(pairs, network, stage_one: StageOne, protocol: Protocol) -> list[tuple]:
    """`report_pictures.maps` by stage 1 and by stage 2 of every frame in `pairs` of
    (ground_truth.Frame, its row in the report's own evaluation), see `choose_rows`. The first of
    them also has `likely_moving`, bool [H, W], where the masks of stage 1 can be read.

    network: the report's own prediction.Network.
    """
    rows = {row["frame"]: row for row in stage_one.evaluation["rows"]}
    drawn = []
    for frame, row in progress.bar(pairs, desc="both stages", unit="frame"):
        before = pictures.maps(frame, rows[row["frame"]], stage_one.network, protocol)
        if stage_one.moving is not None:
            before["likely_moving"] = stage_one.moving(before["image"])
        drawn.append((before, pictures.maps(frame, row, network, protocol)))
    return drawn


def section(drawn, stage_one: StageOne, means: dict) -> str:
    """HTML: numbers of both stages, then what `draw` made; means: of the report's evaluation."""
    high = pictures.nearest([after for _, after in drawn]) if drawn else 1.0
    blocks = [_frame(before, after, high) for before, after in drawn]
    methods = {"stage 2": means, "stage 1": stage_one.evaluation["means"]}
    return (
        "<h2>Stage 1 against stage 2</h2><p class='small soft'>Stage 1 learns from every pixel and "
        "takes a car at our own speed for something infinitely far away: a hole. Its network "
        "changes its mind about such cars when it is told that they stand elsewhere in the "
        "picture; where it does, something likely moves (red, from this one image). Stage 2 leaves "
        "that out and learns anew. Neither has seen these frames. Outlined: what moves in truth. "
        f"</p>{page.metric_table(pictures.PARTS, methods, _METRICS, _METRICS[:3])}"
        f"<p></p>{''.join(blocks)}"
    )


def sheet(drawn):
    """What `draw` made as one picture, uint8 [H, W, 3]: a row for each frame, whose ground truth
    sets the color range of the row. ValueError for frames of different sizes."""
    if len({after["image"].shape for _, after in drawn}) != 1:
        raise ValueError("--sheet: needs frames with moving pixels, all of one size")
    labels = ["input; outlined: what moves", "stage 1", "stage 2", "ground truth"]
    masked = "likely_moving" in drawn[0][0]
    if masked:
        labels.insert(1, "stage 1 says: this moves")
    rows = []
    for before, after in drawn:
        high = pictures.nearest([after])
        depths = (before["predicted"], None), (after["predicted"], None)
        truth = after["truth"], after["valid"]
        row = [
            color.color_inverse_depth(value, 0, high, valid) for value, valid in (*depths, truth)
        ]
        if masked:
            row.insert(0, media_sheet.masked(after["image"], ~before["likely_moving"]))
        rows.append([pictures.mark(after["image"], after["moving"]), *row])
    return media_sheet.grid(rows, labels, gap=4)


def choose_rows(rows: list[dict], count: int) -> list[dict]:
    """`count` rows with moving pixels: of each drive the one with most, then the second, and so
    on; fewer where there are no more."""
    drives: dict[str, list] = {}
    for row in rows:
        if row.get("moving"):
            drives.setdefault(row["frame"].split(" ")[0], []).append(row)
    ranked = []
    for found in drives.values():
        found.sort(key=lambda row: -row["moving"]["pixels"])
        ranked += list(enumerate(found))
    ranked.sort(key=lambda each: (each[0], -each[1]["moving"]["pixels"]))
    return [row for _, row in ranked[:count]]


def _frame(before, after, high) -> str:
    image, outlined = after["image"], after["moving"]
    tiles = [page.figure(pictures.mark(image, outlined), "Input")]
    truth = pictures.truth_tile(after, high)
    depths = [
        pictures.near_tile(before["predicted"], "Stage 1", high),
        pictures.near_tile(after["predicted"], "Stage 2", high),
    ]
    if "likely_moving" in before:
        picture = pictures.mark(media_sheet.masked(image, ~before["likely_moving"]), outlined)
        tiles += [page.figure(picture, "What stage 1 takes for moving"), *depths, truth]
    else:
        tiles += [truth, *depths]
    numbers = " · ".join(
        f"{part} {before['row'][part]['abs_rel']:.3f} → {after['row'][part]['abs_rel']:.3f}"
        for part in ("static", "moving")
        if after["row"].get(part)
    )
    return pictures.block(after["key"], numbers, tiles)
