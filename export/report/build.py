"""The page of a run as HTML: head, both stages, metrics, pictures, curves, advice, details."""

from __future__ import annotations

import html
import pathlib

from PIL import Image

import aquanet_tf
from aquanet_tf import files
from aquanet_tf.evaluation import eigen
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.inference.checkpoint import Predictor, as_evaluated
from aquanet_tf.kitti import ground_truth
from aquanet_tf.runs import history as runs_history
from aquanet_tf.runs.layout import HISTORY_FILE
from aquanet_tf.runs.run import load_run
from export.report import advice, charts, evaluations, page, pictures, stages, tables
from export.report.advice import HOLE

_CURVES = (
    "Means over each epoch; the number is the last one. Dashed: validation. A dotted vertical line "
    "marks a new training phase."
)


def build(
    workdir,
    evaluation: dict,
    count: int = 5,
    stage1: dict | None = None,
    sheet: str = "",
    checkpoint: str = "newest",
) -> str:
    """The page as HTML.

    Args:
      workdir: the run.
      evaluation: content of the JSON of evaluate, for this run; its `gt_dir`, `split` and
        `depth_dir` say where the ground truth is.
      count: number of frames to show.
      stage1: the JSON of evaluate for the stage-1 run of this run, under the same protocol.
      sheet: PNG to write with the pictures of both stages; empty: none.
      checkpoint: the one that was evaluated: newest, best, or a number of finished epochs.

    Raises ValueError when the evaluation does not fit (another run, missing frames).
    """
    workdir = pathlib.Path(workdir)
    evaluations.check("--evaluation", evaluation)
    evaluations.check_run(evaluation, workdir)
    if sheet and stage1 is None:
        raise ValueError("--sheet shows both stages: it needs --stage1_evaluation")
    protocol = Protocol(**evaluation["protocol"])
    network = _network(workdir, evaluation, checkpoint)
    frames = _frames(evaluation, protocol)
    history = runs_history.read_history(workdir / HISTORY_FILE)

    def paired(rows):
        return [(frames[row["frame"]], row) for row in rows]

    comparison = ""
    if stage1 is not None:
        pairs = paired(stages.choose_rows(evaluation["rows"], count))
        comparison = _comparison(pairs, network, stage1, evaluation, sheet)
    chosen = paired(pictures.choose_rows(evaluation["rows"], count))
    sections = [
        _head(workdir, evaluation, network, history),
        comparison,
        tables.section(evaluation),
        pictures.section(chosen, network, protocol),
        charts.section(history, "Training", note=_CURVES),
        advice.next_steps(workdir, evaluation, history),
        _details(workdir),
    ]
    return page.page(f"AQUANet: {workdir.name}", "\n".join(filter(None, sections)))


def _network(workdir, evaluation, checkpoint) -> Predictor:
    """The depth network that was evaluated; ValueError when the checkpoint is another one."""
    model = evaluation["model"]
    network = as_evaluated(load_run(workdir, checkpoint=checkpoint), evaluation)
    if network.epoch != model["epoch"]:
        raise ValueError(
            f"--evaluation is of epoch {model['epoch']}, {workdir} is at epoch "
            f"{network.epoch}: run python -m aquanet_tf.evaluate again, or give "
            f"--checkpoint={model['epoch']}"
        )
    return network


def _frames(evaluation, protocol) -> dict[str, ground_truth.Frame]:
    """key -> evaluated frame; ValueError when the ground truth lacks one."""
    found, _ = eigen.evaluated_frames(
        *(evaluation[name] for name in ("gt_dir", "split", "camera")),
        protocol.ground_truth,
        evaluation.get("depth_dir", ""),  # absent: none
    )
    frames = {frame.key: frame for frame in found}
    if missing := [row["frame"] for row in evaluation["rows"] if row["frame"] not in frames]:
        raise ValueError(f"--evaluation: its frame {missing[0]} is not in the ground truth")
    return frames


def _comparison(pairs, network, stage1, evaluation, sheet) -> str:
    """The section on both stages as HTML; also writes the picture `sheet`, if it is named."""
    before = stages.load(stage1, evaluation)
    drawn = stages.draw(pairs, network, before, Protocol(**evaluation["protocol"]))
    if sheet:
        with files.atomic(sheet) as temporary:
            Image.fromarray(stages.sheet(drawn)).save(temporary, "PNG", optimize=True)
    return stages.section(drawn, before, evaluation["means"])


def _head(workdir, evaluation, network, history) -> str:
    """Title and the cards with the most important numbers."""
    means, baselines = evaluation["means"], evaluation.get("baselines", {})
    part = "static" if means["static"] else "all"
    errors = {
        name: result["means"][part]["abs_rel"]
        for name, result in baselines.items()
        if result["means"][part]
    }
    ours = means[part]["abs_rel"]
    best = min(errors, key=errors.get) if errors else None
    kind = ("good" if ours < errors[best] else "bad") if best else ""
    cards = [page.card(f"{ours:.3f}", f"abs rel, {part} pixels", kind)]
    if best:
        cards.append(page.card(f"{errors[best]:.3f}", f"abs rel, {part} pixels, {best} baseline"))
    if means["moving"]:
        moving = means["moving"]["abs_rel"]
        kind = "bad" if moving > HOLE * ours else ""
        cards.append(page.card(f"{moving:.3f}", "abs rel, moving objects", kind))
    text = f"epochs of training ({_phases(history)})" if history else "epochs of training"
    cards.append(page.card(str(network.epoch), text))
    cards.append(page.card(str(evaluation["images"]), "frames evaluated"))
    return (
        f"<h1>Depth from one image: {html.escape(workdir.name)}</h1>"
        '<p class="soft">AQUANet, trained on video without depth labels. Predicted depth is '
        "relative; the alignment in the protocol brings it to meters.</p>"
        f'<div class="cards">{"".join(cards)}</div>'
    )


def _phases(history) -> str:
    """Epochs of each training phase as text: "5 kickstart, 45 stage1"."""
    phases = [row["phase"] for row in history]
    return ", ".join(f"{phases.count(phase)} {phase}" for phase in dict.fromkeys(phases))


def _details(workdir) -> str:
    """The section with the files that describe the run."""
    parts = []
    for name in ("config.json", "run.json"):
        text = html.escape((workdir / name).read_text().strip())
        parts.append(f"<details><summary>{name}</summary><pre>{text}</pre></details>")
    return (
        f"<h2>The run</h2>{''.join(parts)}<footer>Made by aquanet_tf {aquanet_tf.__version__}. "
        "This page loads nothing from the network.</footer>"
    )
