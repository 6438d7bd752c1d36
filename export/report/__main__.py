"""Writes one self-contained HTML page about a run: metrics, pictures, curves, what to do next.

    python -m export.report --workdir RUN --evaluation FILE.json --out report.html

FILE.json comes from `python -m aquanet_tf.evaluate`. The pictures are predicted again from the
checkpoint of the run, with the alignment that FILE.json holds for each frame. The page has no
scripts and loads nothing from elsewhere. For a stage-2 run, `--stage1_evaluation` adds a comparison
with its stage-1 run.
"""

from __future__ import annotations

from absl import flags

from aquanet_tf import cli, files
from export.report import build, page


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of a training run.", required=True)
    cli.define_checkpoint()
    cli.define_path("evaluation", None, "JSON of aquanet_tf.evaluate for this run.", required=True)
    cli.define_path(
        "stage1_evaluation", "", "JSON of aquanet_tf.evaluate for the run's stage-1 run."
    )
    cli.define_output("sheet", "", "Also write the pictures of both stages to this PNG file.")
    cli.define_output("out", None, "HTML file to write.", required=True)
    cli.define_path("gt_dir", "", "Ground truth; empty: the directory evaluate used.")
    cli.define_path("split", "", "Split file or all; empty: the one evaluate used.")
    cli.define_path("depth_dir", "", "Annotated depth; empty: the directory evaluate used.")
    flags.DEFINE_integer("frames", 5, "Frames to show.", lower_bound=1)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    evaluation = files.read(options.evaluation)
    for name in ("gt_dir", "split", "depth_dir"):
        if options[name].value:
            evaluation[name] = options[name].value
    stage1 = files.read(options.stage1_evaluation) if options.stage1_evaluation else None
    shown = options.frames, stage1, options.sheet, options.checkpoint
    text = build.build(options.workdir, evaluation, *shown)
    page.write(options.out, text)


if __name__ == "__main__":
    define_flags()
    cli.run(main)
