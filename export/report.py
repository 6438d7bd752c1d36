"""One self-contained HTML page about a run: numbers, pictures, curves, what to do next.

    python -m export.report --workdir RUN --evaluation FILE.json --out report.html

FILE.json comes from `python -m aquanet_tf.evaluate`; the pictures are drawn anew from the run's
checkpoint, under the alignment that FILE.json holds for each frame. No script, nothing fetched.
For a run of stage 2, `--stage1_evaluation` puts its stage-1 run beside it.
"""

from __future__ import annotations

import html
import pathlib

from absl import flags
from PIL import Image

import aquanet_tf
from aquanet_tf import (
    callbacks,
    checkpoints,
    cli,
    eigen,
    ground_truth,
    json_file,
    metrics,
    predictor,
    spimo,
)
from aquanet_tf.config import Config
from export import report_charts, report_page, report_pictures, report_stages

LOWER_IS_BETTER = ("abs_rel", "sq_rel", "rmse", "rmse_log")
# Ratio of moving to static error from which the infinite-depth hole is worth a word.
_HOLE = 1.5


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
    protocol = metrics.Protocol(**evaluation["protocol"])
    network = predictor.load(
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
    chosen = report_pictures.choose_rows(evaluation["rows"], count)
    if missing := [row["frame"] for row in evaluation["rows"] if row["frame"] not in by_key]:
        raise ValueError(f"--evaluation: its frame {missing[0]} is not in the ground truth")
    history = callbacks.read_history(workdir / "history.csv")
    healing = ""
    if stage1 is not None:
        rows = report_stages.choose_rows(evaluation["rows"], count)
        pairs = [(by_key[row["frame"]], row) for row in rows]
        before = report_stages.load(stage1, evaluation)
        drawn = report_stages.draw(pairs, network, before, protocol)
        healing = report_stages.section(drawn, before, evaluation["means"])
        if sheet:
            picture = report_stages.sheet(drawn)
            Image.fromarray(picture).save(sheet, optimize=True)
    elif sheet:
        raise ValueError("--sheet shows both stages: give --stage1_evaluation, too")
    sections = [
        _head(workdir, evaluation, network, history),
        healing,
        _table(evaluation, protocol),
        report_pictures.section([(by_key[row["frame"]], row) for row in chosen], network, protocol),
        _curves(history),
        _next_steps(workdir, evaluation, history),
        _details(workdir),
    ]
    return report_page.page(f"AQUANet: {workdir.name}", "\n".join(filter(None, sections)))


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
    cards = [report_page.card(f"{ours:.3f}", f"abs rel, {part} pixels, held-out frames", kind)]
    if best:
        cards.append(report_page.card(f"{found[best]:.3f}", f"best baseline there ({best})"))
    if means["moving"]:
        moving = means["moving"]["abs_rel"]
        kind = "bad" if moving > _HOLE * ours else ""
        cards.append(report_page.card(f"{moving:.3f}", "abs rel, moving objects", kind))
    text = f"epochs trained ({_phases(history)})" if history else "epochs trained"
    cards.append(report_page.card(str(network.epoch), text))
    cards.append(report_page.card(str(evaluation["images"]), "frames evaluated"))
    return (
        f"<h1>Depth from one image: {html.escape(workdir.name)}</h1>"
        '<p class="soft">AQUANet, learned from unlabelled video. Depth is relative; metres come '
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
        f"Median ratio {ratio['median']:.4g} metres per unit, spread over images "
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
        + report_page.metric_table(report_pictures.PARTS, methods, metrics.METRICS, LOWER_IS_BETTER)
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


def _next_steps(workdir, evaluation, history) -> str:
    means = evaluation["means"]
    steps = []
    run = html.escape(str(workdir))
    if means["moving"] and means["static"]:
        ratio = means["moving"]["abs_rel"] / means["static"]["abs_rel"]
        if ratio > _HOLE:
            steps.append(
                f"<b>Moving objects are {ratio:.1f} times worse than the static scene.</b> A car "
                "at our own speed looks infinitely far: the hole that stage 1 leaves. "
                f"{_mend(workdir)}"
            )
    part = "static" if means["static"] else "all"
    baselines = [
        result["means"][part]["abs_rel"] for result in evaluation.get("baselines", {}).values()
    ]
    if baselines and means[part]["abs_rel"] >= min(baselines):
        steps.append(
            "<b>A baseline that sees no pixel is better.</b> Look at the curves: a translation "
            "near zero means PoseNet has not found the motion (more kick-start epochs); "
            "otherwise train on."
        )
    predict = f"python -m aquanet_tf.predict --workdir {run} --input IMAGE_OR_FOLDER --out out"
    steps.append(f"See it on your own pictures, of any size. {_code(predict)}")
    export = f"python -m export.saved_model --workdir {run} --out models/aquanet"
    steps.append(
        f"Serve it: a versioned SavedModel that needs no code of this project. {_code(export)}"
    )
    if history:
        board = f"tensorboard --logdir {run}/tensorboard"
        steps.append(f"Watch every loss term and picture panel. {_code(board)}")
    steps.append(
        "Train on: more drives help more than more steps on the same ones. The training command "
        "goes on from the last epoch when <code>--epochs</code> is raised."
    )
    return (
        f"<h2>What to do next</h2><ol class='next'>{''.join(f'<li>{s}</li>' for s in steps)}</ol>"
    )


def _mend(workdir) -> str:
    """What to do about it: the command of stage 2, for a run whose masks can be read."""
    config = Config.load(workdir / checkpoints.CONFIG_FILE)
    if config.stage == "2":
        return (
            "The masks of this stage 2 missed too much of what moves: measure those of its stage 1 "
            "with <code>--mask_quality</code>, and choose another <code>--spimo_threshold</code>."
        )
    text = "Masked training, stage 2, is there to mend it."
    if not spimo.readable(config) or not (workdir / "flags.txt").is_file():
        return text
    run = html.escape(str(workdir))
    command = (
        f"python -m aquanet_tf.train --flagfile={run}/flags.txt --stage=2 --stage1_workdir={run} "
        f"--workdir={run}_stage2"
    )
    return f"{text} {_code(command)}"


def _code(text) -> str:
    return f"<code class='run'>{text}</code>"


def _details(workdir) -> str:
    parts = []
    for name in ("config.json", "run.json"):
        text = html.escape((workdir / name).read_text().strip())
        parts.append(f"<details><summary>{name}</summary><pre>{text}</pre></details>")
    return (
        f"<h2>The run</h2>{''.join(parts)}<footer>Made by aquanet_tf {aquanet_tf.__version__}. "
        "This page holds everything it shows.</footer>"
    )


def define_flags() -> None:
    """The flags of the command."""
    flags.DEFINE_string("workdir", None, "Directory of a training run.", required=True)
    flags.DEFINE_string(
        "evaluation", None, "JSON of aquanet_tf.evaluate for this run.", required=True
    )
    flags.DEFINE_string(
        "stage1_evaluation", "", "JSON of aquanet_tf.evaluate for the run's stage-1 run."
    )
    flags.DEFINE_string("sheet", "", "PNG to write as well: the pictures of both stages.")
    flags.DEFINE_string("out", None, "HTML file to write.", required=True)
    flags.DEFINE_string("gt_dir", "", "Ground truth; empty: where evaluate found it.")
    flags.DEFINE_string("split", "", "Split file or all; empty: the one evaluate had.")
    flags.DEFINE_integer("frames", 5, "Frames to show.", lower_bound=1)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    evaluation = json_file.read(options.evaluation)
    stage1 = json_file.read(options.stage1_evaluation) if options.stage1_evaluation else None
    text = build(
        options.workdir,
        evaluation,
        options.gt_dir,
        options.split,
        options.frames,
        stage1,
        options.sheet,
    )
    out = pathlib.Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    print(f"written: {out} ({len(text) / 1e6:.1f} MB)")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
