"""The jobs of an ablation: its data, the trainings of its rows, and their evaluations."""

from __future__ import annotations

import dataclasses
import shlex
import sys

from aquanet_tf.ablation.plan import Plan
from aquanet_tf.config import Config
from aquanet_tf.jobs.job import Job, plain
from aquanet_tf.runs.layout import HISTORY_FILE

COMMANDS = {
    "train": (sys.executable, "-m", "aquanet_tf.train"),
    "evaluate": (sys.executable, "-m", "aquanet_tf.evaluate"),
    "data": (sys.executable, "-m"),
}


def make(plan: Plan, commands=COMMANDS) -> list[Job]:
    """All jobs in an order that satisfies their needs: data, then all rows seed by seed, so that
    there is a complete table of one seed early.

    commands: "train", "evaluate", "data" -> beginning of argv.
    """
    jobs, last = [], ()
    for number, line in enumerate(plan.data):
        words = shlex.split(line)
        what = plain({"commands": plan.data[: number + 1]}, plan.out)
        jobs.append(Job(f"data{number + 1}", (*commands["data"], *words), what, last))
        last = (jobs[-1].name,)
    for seed in plan.seeds:
        for key, row in plan.rows.items():
            if not row.of:
                jobs.append(_training(plan, key, seed, commands, last))
            jobs.append(_evaluation(plan, key, seed, commands))
    return jobs


def _training(plan, key, seed, commands, data) -> Job:
    row, workdir = plan.rows[key], plan.workdir(key, seed)
    needs = (*data, training_name(row.stage1, seed)) if row.stage1 else data
    return Job(
        name=training_name(key, seed),
        command=(
            *commands["train"],
            *plan.training_flags(key, seed),
            f"--workdir={workdir}",
        ),
        what=_training_what(plan, key, seed),
        needs=needs,
        units=plan.config(key, seed).epochs,
        progress=workdir / HISTORY_FILE,
        output=workdir / HISTORY_FILE,
        masks=workdir / "masks" if row.stage1 else None,
        defaults=dataclasses.asdict(Config()),
    )


def _training_what(plan, key, seed) -> dict:
    """All that decides the result of a training: data, options, and the same of its stage 1."""
    row = plan.rows[key]
    return plain(
        {
            "data": plan.data,
            "options": dataclasses.asdict(plan.config(key, seed)),
            "stage1": _training_what(plan, row.stage1, seed) if row.stage1 else None,
        },
        plan.out,
    )


def _evaluation(plan, key, seed, commands) -> Job:
    row, out = plan.rows[key], plan.evaluation(key, seed)
    places = [f"--workdir={plan.workdir(key, seed)}", f"--gt_dir={plan.gt_dir}"]
    return Job(
        name=evaluation_name(key, seed),
        command=(*commands["evaluate"], *places, *row.evaluate, f"--out={out}"),
        what=plain(
            {
                "flags": [*places, *row.evaluate],
                "training": _training_what(plan, row.trained, seed),
            },
            plan.out,
        ),
        needs=(training_name(row.trained, seed),),
        output=out,
        again=True,
        defaults=dataclasses.asdict(Config()),
    )


def training_name(key: str, seed: int) -> str:
    """Name of the training job of row `key`."""
    return f"train_{key}_seed{seed}"


def evaluation_name(key: str, seed: int) -> str:
    """Name of the evaluation job of row `key`."""
    return f"evaluate_{key}_seed{seed}"
