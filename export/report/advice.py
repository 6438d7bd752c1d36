"""TODO docstring of export.report.advice."""

from __future__ import annotations

import html

from aquanet_tf.config.options import Config
from aquanet_tf.masks import spimo
from aquanet_tf.runs.layout import CONFIG_FILE

# Ratio of moving to static error from which the infinite-depth hole is worth a word.
HOLE = 1.5


def next_steps(workdir, evaluation, history) -> str:
    means = evaluation["means"]
    steps = []
    run = html.escape(str(workdir))
    if means["moving"] and means["static"]:
        ratio = means["moving"]["abs_rel"] / means["static"]["abs_rel"]
        if ratio > HOLE:
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
    config = Config.load(workdir / CONFIG_FILE)
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
