"""The page of a run: evaluation, curves, pictures and advice in one HTML text."""

from __future__ import annotations

import html
import pathlib

from PIL import Image

import aquanet_tf
from aquanet_tf.evaluation import eigen, metrics
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.inference import checkpoint
from aquanet_tf.kitti import ground_truth
from aquanet_tf.runs import history as runs_history
from export.report import advice, page, pictures, stages
from export.report import charts as report_charts
from export.report.advice import HOLE

LOWER_IS_BETTER = ("abs_rel", "sq_rel", "rmse", "rmse_log")


def build(
    workdir,
    evaluation: dict,
    gt_dir=None,
    split=None,
    count: int = 5,
    stage1: dict | None = None,
    sheet: str = "",
) -> str:
    """The page as HTML.

    Args:
      workdir: the run.
      evaluation: content of the JSON of evaluate, for this run.
      gt_dir, split: where the ground truth lies now; default: where evaluate found it.
      count: frames to show.
      stage1: the JSON of evaluate for the run's stage-1 run, under the same protocol.
      sheet: PNG to write with the pictures of both stages.

    Raises ValueError when the evaluation is of no use here (another run, missing frames).
    """
    workdir = pathlib.Path(workdir)
    for name in ("protocol", "means", "rows", "model"):
        if name not in evaluation:
            raise ValueError(f"--evaluation: no {name!r} in it; is it a file of evaluate?")
    protocol = Protocol(**evaluation["protocol"])
    network = checkpoint.load(
        workdir, evaluation["model"]["working_height"], protocol.post_processing
    )
    if network.epoch != evaluation["model"]["epoch"]:
        raise ValueError(
            f"--evaluation is of epoch {evaluation['model']['epoch']}, {workdir} is at epoch "
            f"{network.epoch}: run python -m aquanet_tf.evaluate again"
        )
    frames = _frames(
        gt_dir or evaluation["gt_dir"],
        split or evaluation["split"],
        evaluation["camera"],
        protocol.ground_truth,
    )
    by_key = {frame.key: frame for frame in frames}
    chosen = pictures.choose_rows(evaluation["rows"], count)
    if missing := [row["frame"] for row in evaluation["rows"] if row["frame"] not in by_key]:
        raise ValueError(f"--evaluation: its frame {missing[0]} is not in the ground truth")
    history = runs_history.read_history(workdir / "history.csv")
    healing = ""
    if stage1 is not None:
        rows = stages.choose_rows(evaluation["rows"], count)
        pairs = [(by_key[row["frame"]], row) for row in rows]
        before = stages.load(stage1, evaluation)
        drawn = stages.draw(pairs, network, before, protocol)
        healing = stages.section(drawn, before, evaluation["means"])
        if sheet:
            picture = stages.sheet(drawn)
            Image.fromarray(picture).save(sheet, optimize=True)
    elif sheet:
        raise ValueError("--sheet shows both stages: give --stage1_evaluation, too")
    sections = [
        _head(workdir, evaluation, network, history),
        healing,
        _table(evaluation, protocol),
        pictures.section([(by_key[row["frame"]], row) for row in chosen], network, protocol),
        _curves(history),
        advice.next_steps(workdir, evaluation, history),
        _details(workdir),
    ]
    return page.page(f"AQUANet: {workdir.name}", "\n".join(filter(None, sections)))


def _frames(gt_dir, split, camera, source):
    """The evaluated frames; where evaluate had --protocol, its name stands in place of a split."""
    if split in eigen.PROTOCOLS:
        return eigen.find_frames(gt_dir, split)
    return ground_truth.find_frames(gt_dir, split, camera, source)[0]


def _head(workdir, evaluation, network, history) -> str:
    means, baselines = evaluation["means"], evaluation.get("baselines", {})
    part = "static" if means["static"] else "all"
    found = {
        name: result["means"][part]["abs_rel"]
        for name, result in baselines.items()
        if result["means"][part]
    }
    ours = means[part]["abs_rel"]
    best = min(found, key=found.get) if found else None
    kind = ("good" if ours < found[best] else "bad") if best else ""
    cards = [page.card(f"{ours:.3f}", f"abs rel, {part} pixels, held-out frames", kind)]
    if best:
        cards.append(page.card(f"{found[best]:.3f}", f"best baseline there ({best})"))
    if means["moving"]:
        moving = means["moving"]["abs_rel"]
        kind = "bad" if moving > HOLE * ours else ""
        cards.append(page.card(f"{moving:.3f}", "abs rel, moving objects", kind))
    text = f"epochs trained ({_phases(history)})" if history else "epochs trained"
    cards.append(page.card(str(network.epoch), text))
    cards.append(page.card(str(evaluation["images"]), "frames evaluated"))
    return (
        f"<h1>Depth from one image: {html.escape(workdir.name)}</h1>"
        '<p class="soft">AQUANet, learned from unlabeled video. Depth is relative; meters come '
        "from the alignment named in the protocol.</p>"
        f'<div class="cards">{"".join(cards)}</div>'
    )


def _phases(history) -> str:
    phases = [row["phase"] for row in history]
    return ", ".join(f"{phases.count(phase)} {phase}" for phase in dict.fromkeys(phases))


def _table(evaluation, protocol) -> str:
    methods = {"network": evaluation["means"]}
    for name, result in evaluation.get("baselines", {}).items():
        methods[f"{name} baseline"] = result["means"]
    ratio = evaluation["ratio"]
    notes = [
        f"Median ratio {ratio['median']:.4g} meters per unit, spread over images "
        f"{100 * ratio['spread']:.1f} %."
    ]
    if evaluation["means"]["static"]:
        notes.append(
            "Static and moving pixels share the one alignment found on all pixels of the image."
        )
    if evaluation.get("baselines"):
        notes.append(
            "Baselines see no pixel: <em>constant</em> is one depth everywhere, <em>ramp</em> a "
            "flat road below the calibration's horizon that ends at a wall (inverse depth "
            "max(row - horizon, height / 5)); both are aligned as the network is."
        )
    return (
        f"<h2>Metrics</h2><p class='small'><b>Protocol</b>: {html.escape(protocol.line())}.</p>"
        + page.metric_table(pictures.PARTS, methods, metrics.METRICS, LOWER_IS_BETTER)
        + f"<p class='small soft'>{' '.join(notes)}</p>"
    )


def _curves(history) -> str:
    charts = []
    for name in report_charts.chart_names(history):
        last = report_charts.series(history, name)[-1][1]
        charts.append(
            f"<div class='chart'><h3>{html.escape(name)}<span>{last:.4g}</span></h3>"
            f"{report_charts.line_chart(history, name)}</div>"
        )
    if not charts:
        return ""
    return (
        "<h2>Training</h2><p class='small soft'>Means over each epoch; a dotted line where a new "
        f"phase begins, dashed: validation.</p><div class='charts'>{''.join(charts)}</div>"
    )


def _details(workdir) -> str:
    parts = []
    for name in ("config.json", "run.json"):
        text = html.escape((workdir / name).read_text().strip())
        parts.append(f"<details><summary>{name}</summary><pre>{text}</pre></details>")
    return (
        f"<h2>The run</h2>{''.join(parts)}<footer>Made by aquanet_tf {aquanet_tf.__version__}. "
        "This page holds everything it shows.</footer>"
    )
