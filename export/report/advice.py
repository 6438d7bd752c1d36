"""The section "What to do next" of a report: findings in the evaluation, and commands to run."""

from __future__ import annotations

import html
import shlex

from aquanet_tf.config.options import Config
from aquanet_tf.masks import spimo
from aquanet_tf.runs.layout import CONFIG_FILE, FLAGS_FILE

# Ratio of moving to static abs rel above which the report names the holes of stage 1.
HOLE = 1.5


def next_steps(workdir, evaluation: dict, history: list[dict]) -> str:
    """The section as HTML.

    Args:
      workdir: pathlib.Path of the run.
      evaluation: content of the JSON of evaluate, for this run.
      history: rows of the run's history.csv; empty for a released run.
    """
    steps = _findings(workdir, evaluation)
    run = shlex.quote(str(workdir))
    predict = f"python -m aquanet_tf.predict --workdir {run} --input IMAGE_OR_FOLDER --out out"
    steps.append(f"Predict depth for your own images, of any size. {_code(predict)}")
    export = f"python -m export.saved_model --workdir {run} --out models/aquanet"
    steps.append(f"Export a SavedModel, which has no dependency on this package. {_code(export)}")
    if history:
        board = f"tensorboard --logdir {shlex.quote(str(workdir / 'tensorboard'))}"
        steps.append(f"Look at every loss term and at image panels. {_code(board)}")
        steps.append(
            "Train longer: re-run the training command with a larger <code>--epochs</code>; it "
            "resumes after the last epoch. More sequences help more than more epochs."
        )
    return (
        f"<h2>What to do next</h2><ol class='next'>{''.join(f'<li>{s}</li>' for s in steps)}</ol>"
    )


def _findings(workdir, evaluation) -> list[str]:
    """HTML of what is wrong with the network and how to improve it; empty if nothing is."""
    means, texts = evaluation["means"], []
    if means["moving"] and means["static"]:
        ratio = means["moving"]["abs_rel"] / means["static"]["abs_rel"]
        if ratio > HOLE:
            texts.append(
                f"<b>The error on moving objects is {ratio:.1f} times that on static pixels.</b> "
                "Stage 1 places a car that keeps pace with the camera infinitely far away (a "
                f"hole). {_remedy(workdir)}"
            )
    part = "static" if means["static"] else "all"
    baselines = [
        result["means"][part]["abs_rel"] for result in evaluation.get("baselines", {}).values()
    ]
    if baselines and means[part]["abs_rel"] >= min(baselines):
        texts.append(
            "<b>A baseline that ignores the image is better than the network.</b> Look at the "
            "training curves. If the translation is near zero, PoseNet has not learned the motion: "
            "raise <code>--kickstart_epochs</code>. Otherwise train longer."
        )
    return texts


def _remedy(workdir) -> str:
    """What to do about holes: for a run with readable masks, the command of stage 2."""
    config = Config.load(workdir / CONFIG_FILE)
    if config.stage == "2":
        return (
            "The masks of this stage-2 run missed many moving pixels. Measure the masks of its "
            "stage-1 run with <code>--mask_quality</code> of aquanet_tf.evaluate, then train with "
            "another <code>--spimo_threshold</code>."
        )
    text = "Stage 2 is trained without such objects."
    if not spimo.readable(config) or not (workdir / FLAGS_FILE).is_file():
        return text
    options = [
        *(f"--flagfile={workdir}/flags.txt", "--stage=2"),
        *(f"--stage1_workdir={workdir}", f"--workdir={workdir}_stage2"),
    ]
    command = f"python -m aquanet_tf.train {shlex.join(options)}"
    return f"{text} {_code(command)}"


def _code(text) -> str:
    return f"<code class='run'>{html.escape(text)}</code>"
