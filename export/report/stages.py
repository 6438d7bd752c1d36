"""The section "Stage 1 against stage 2" of a report: metrics of both, and both depths of frames."""

from __future__ import annotations

from typing import Callable, NamedTuple

from aquanet_tf import progress
from aquanet_tf.evaluation import frame_maps
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.inference import checkpoint
from aquanet_tf.inference import network as inference_network
from aquanet_tf.masks import spimo
from aquanet_tf.media import color
from aquanet_tf.media import sheet as media_sheet
from aquanet_tf.runs.run import load_run
from export.report import evaluations, page, pictures, tables

_FLAG = "--stage1_evaluation"
_METRICS = ("abs_rel", "sq_rel", "rmse", "a1")


class StageOne(NamedTuple):
    """The stage-1 run that a report compares with.

    Attributes:
      network: its depth network.
      evaluation: content of its JSON of evaluate.
      moving: uint8 [H, W, 3] -> bool [H, W], pixels that its SPIMO masks call likely moving; None
        where SPIMO does not work (see masks.spimo.readable).
    """

    network: inference_network.Network
    evaluation: dict
    moving: Callable | None


def load(evaluation: dict, ours: dict) -> StageOne:
    """The stage-1 run of `evaluation`, for a comparison with the evaluation `ours`.

    Raises ValueError when the two differ in frames or protocol, or when the checkpoint that was
    evaluated is not there any more.
    """
    evaluations.check(_FLAG, evaluation)
    frames = [{row["frame"] for row in each["rows"]} for each in (evaluation, ours)]
    if frames[0] != frames[1] or evaluation["protocol"] != ours["protocol"]:
        raise ValueError(
            f"{_FLAG}: other frames or another protocol than --evaluation; evaluate both runs "
            "with the same flags"
        )
    model = evaluation["model"]
    try:
        run = load_run(model["workdir"], checkpoint=str(model["epoch"]))
    except KeyError as error:
        raise ValueError(f"{_FLAG}: its 'model' has no {error}; {evaluations.AGAIN}") from error
    except ValueError as error:
        raise ValueError(
            f"{_FLAG} is of epoch {model['epoch']} of {model['workdir']}, which cannot be loaded "
            f"({error}); {evaluations.AGAIN}"
        ) from error
    network = checkpoint.as_evaluated(run, evaluation)
    return StageOne(network, evaluation, network.moving if spimo.readable(run.config) else None)


def draw(pairs, network, stage_one: StageOne, protocol: Protocol) -> list[tuple]:
    """(`frame_maps.maps` by stage 1, the same by stage 2) of every frame.

    Args:
      pairs: (ground_truth.Frame, its row in the stage-2 evaluation).
      network: inference.network.Network of stage 2.
      stage_one: the stage-1 run.
      protocol: of both evaluations.

    Where SPIMO works, the maps by stage 1 also hold "likely_moving", bool [H, W].
    """
    rows = {row["frame"]: row for row in stage_one.evaluation["rows"]}
    drawn = []
    for frame, row in progress.bar(pairs, desc="both stages", unit="frame"):
        before = frame_maps.maps(frame, rows[row["frame"]], stage_one.network, protocol)
        if stage_one.moving is not None:
            before["likely_moving"] = stage_one.moving(before["image"])
        drawn.append((before, frame_maps.maps(frame, row, network, protocol)))
    return drawn


def section(drawn, stage_one: StageOne, means: dict) -> str:
    """The section as HTML. drawn: from `draw`; means: of the stage-2 evaluation."""
    high = frame_maps.nearest([after for _, after in drawn]) if drawn else 1.0
    blocks = [_frame(before, after, high) for before, after in drawn]
    methods = {"stage 2": means, "stage 1": stage_one.evaluation["means"]}
    return (
        "<h2>Stage 1 against stage 2</h2><p class='small soft'>Stage 1 learns from all pixels and "
        "places a car that keeps pace with the camera infinitely far away: a hole. The depth of "
        "such a car changes when the positional grid is shifted (SPIMO); pixels where it does are "
        "likely moving (red, computed from the one image). Stage 2 is trained from scratch without "
        "them. Outlines: moving objects in the ground truth."
        f"</p>{page.metric_table(tables.PARTS, methods, _METRICS, _METRICS[:3])}"
        f"<p></p>{''.join(blocks)}"
    )


def sheet(drawn):
    """The result of `draw` as one picture, uint8 [H, W, 3], with one row for each frame.

    The ground truth of a frame sets the color range of its row. Raises ValueError without frames or
    for frames of different sizes.
    """
    if len({after["image"].shape for _, after in drawn}) != 1:
        raise ValueError("--sheet: needs frames with moving pixels, all of one size")
    labels = ["input; outlined: moving", "stage 1", "stage 2", "ground truth"]
    masked = "likely_moving" in drawn[0][0]
    if masked:
        labels.insert(1, "mask of stage 1")
    rows = []
    for before, after in drawn:
        high = frame_maps.nearest([after])
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
    """Up to `count` rows with moving pixels: of each drive the one with most, then the second, and
    so on."""
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
        tiles += [page.figure(picture, "Likely moving (stage 1)"), *depths, truth]
    else:
        tiles += [truth, *depths]
    numbers = " · ".join(
        f"{part} {before['row'][part]['abs_rel']:.3f} → {after['row'][part]['abs_rel']:.3f}"
        for part in ("static", "moving")
        if after["row"].get(part)
    )
    return pictures.block(after["key"], numbers, tiles)
