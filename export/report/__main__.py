"""One self-contained HTML page about a run: numbers, pictures, curves, what to do next.

    python -m export.report --workdir RUN --evaluation FILE.json --out report.html

FILE.json comes from `python -m aquanet_tf.evaluate`; the pictures are drawn anew from the run's
checkpoint, under the alignment that FILE.json holds for each frame. No script, nothing fetched.
For a run of stage 2, `--stage1_evaluation` puts its stage-1 run beside it.
"""

from __future__ import annotations

import pathlib

from absl import flags

from aquanet_tf import cli, files
from export.report import build


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
    evaluation = files.read(options.evaluation)
    stage1 = files.read(options.stage1_evaluation) if options.stage1_evaluation else None
    text = build.build(
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
