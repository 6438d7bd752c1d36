"""Trains and measures the rows of a table, one after the other, and draws what they show.

    python -m aquanet_tf.ablate --config configs/street/ablation.yaml --out runs/ablation

OUT receives table.md, table.json and figures/; data/ if the file makes its own; for each row and
seed runs/ROW/seedN (a workdir of train) and evaluations/ROW/seedN.json; logs/ of every command.
Trainings and evaluations are the commands `aquanet_tf.train` and `aquanet_tf.evaluate`, each in a
process of its own. Given again, the same command repeats nothing that is finished and goes on with
the rest, a training at its last finished epoch; so it does with other --rows or --seeds, and the
table then shows those. It is written anew after every finished command.

What the file holds: `aquanet_tf/ablation.py`. `--quick` is its short form, which shows that every
step runs.
"""

from __future__ import annotations

import pathlib
import signal
import sys

from absl import flags

from aquanet_tf import cli, files
from aquanet_tf.ablation import jobs, results, table
from aquanet_tf.ablation import plan as ablation_plan


def ablate(plan: ablation_plan.Plan, commands=jobs.COMMANDS, pictures: bool = True) -> dict:
    """Runs what is missing, writes tables and figures, returns the document of the table.

    commands: as `ablation_jobs.make`. Raises ValueError for a plan that cannot begin.
    """
    failures = jobs.run(
        jobs.make(plan, commands), plan.out, after=lambda failed: _write(plan, failed)
    )
    document = _write(plan, failures)
    if pictures:
        from aquanet_tf.ablation import figures  # TensorFlow: only once the trainings are done

        figures.draw(plan)
    return document


def _write(plan, failures) -> dict:
    document = results.collect(plan, failures)
    files.write(plan.out / "table.json", document)
    with files.atomic(plan.out / "table.md") as temporary:
        temporary.write_text(table.markdown(document))
    return document


def define_flags() -> None:
    """The flags of the command."""
    flags.DEFINE_string("config", None, "YAML file of the ablation.", required=True)
    flags.DEFINE_string("out", None, "Directory for everything it writes.", required=True)
    flags.DEFINE_bool("quick", False, "The file's short form.")
    flags.DEFINE_list("rows", [], "Keys of the rows to run, with those they stand on; empty: all.")
    flags.DEFINE_list("seeds", [], "Seeds to train with; empty: the file's.")
    flags.DEFINE_string("data_dir", "", "Records to train on, instead of the file's data.")
    flags.DEFINE_string("gt_dir", "", "KITTI raw directory to evaluate on, with --data_dir.")
    flags.DEFINE_bool("figures", True, "Draw the figures.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    try:
        seeds = [int(seed) for seed in options.seeds]
    except ValueError as error:
        raise ValueError(f"--seeds={','.join(options.seeds)}: expected numbers: 1,2") from error
    plan = ablation_plan.read(
        options.config,
        pathlib.Path(options.out),
        quick=options.quick,
        rows=options.rows,
        seeds=seeds,
        data_dir=options.data_dir,
        gt_dir=options.gt_dir,
    )
    # As an exception, so that the command at work is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    document = ablate(plan, pictures=options.figures)
    print((plan.out / "table.md").read_text())
    print(f"written: {plan.out / 'table.md'}, {plan.out / 'table.json'}")
    if document["failures"]:
        names = ", ".join(document["failures"])
        raise ValueError(f"{names}: failed; given again, the command tries them again")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
