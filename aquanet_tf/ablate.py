"""Trains and evaluates the rows of a table (the paper's Table 1) and draws the figures.

    python -m aquanet_tf.ablate --config configs/street/ablation.yaml --out runs/ablation

Writes into OUT: table.md, table.json and figures/; data/ if the file makes its own data; for each
row and seed runs/ROW/seedN (a workdir of train) and evaluations/ROW/seedN.json; logs/. Trainings
and evaluations are the commands `aquanet_tf.train` and `aquanet_tf.evaluate`, each in a process of
its own. The table is written again after every finished command.

Re-run an interrupted command to resume it: finished steps are kept, and a training resumes after
its last finished epoch. The same holds with other --rows or --seeds, which the table then shows.

aquanet_tf/ablation/plan_file.py describes the YAML file. --quick uses its short form, which shows
that every step runs.
"""

from __future__ import annotations

from absl import flags

from aquanet_tf import cli, files
from aquanet_tf.ablation import jobs, plan_file, results, table
from aquanet_tf.ablation.plan import Plan
from aquanet_tf.jobs import runner


def ablate(plan: Plan, commands=jobs.COMMANDS, pictures: bool = True) -> dict:
    """Runs the steps that are not finished, writes tables and figures, returns the document of
    table.json.

    commands: as for `jobs.make`. Raises ValueError when `runner.run` refuses to start.
    """
    failures = runner.run(
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
    files.write_text(plan.out / "table.md", table.markdown(document))
    return document


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("config", None, "YAML file of the ablation.", required=True)
    cli.define_output(
        "out", None, "Directory for everything it writes.", required=True, folder=True
    )
    flags.DEFINE_bool("quick", False, "Use the short form in the file.")
    flags.DEFINE_list("rows", [], "Keys of rows; rows they depend on are added. Empty: all.")
    flags.DEFINE_list("seeds", [], "Seeds to train with; empty: those of the file.")
    text = "Records to train on, instead of the file's data; several: comma separated."
    cli.define_path("data_dir", "", text, several=True)
    cli.define_path("gt_dir", "", "KITTI raw directory to evaluate on, with --data_dir.")
    flags.DEFINE_bool("figures", True, "Draw the figures.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    try:
        seeds = [int(seed) for seed in options.seeds]
    except ValueError as error:
        raise ValueError(f"--seeds={','.join(options.seeds)}: expected numbers: 1,2") from error
    choices = plan_file.Choices(
        options.quick, options.rows, seeds, options.data_dir, options.gt_dir
    )
    plan = plan_file.read(options.config, options.out, choices)
    cli.exit_on_sigterm()
    document = ablate(plan, pictures=options.figures)
    print((plan.out / "table.md").read_text())
    print(f"written: {plan.out / 'table.md'}, {plan.out / 'table.json'}")
    if document["failures"]:
        names = ", ".join(document["failures"])
        raise ValueError(f"{names}: failed; re-run the command to try again")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
