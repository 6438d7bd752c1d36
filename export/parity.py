"""Compares an exported model with the checkpoint it was made from.

    python -m export.parity --workdir RUN --model SAVED_MODEL|FILE.tflite --input IMAGE|FOLDER

Both get the same pixels, resized first where the model has a fixed size. Every output of the model
is compared over all pixels:
  mean and max  of the relative error |model - checkpoint| / |checkpoint|;
  outliers      share of pixels where the larger value is more than 1.25 times the smaller: the
                criterion of the metric a1, with equal results for depth and inverse depth.
For probabilities the error is the difference, and an outlier is a difference above 0.25;
static_mask is compared with the model's own probability. The command fails when an error exceeds
the tolerance of the export, or that of the flags. Every export runs the same check before its files
appear.
"""

from __future__ import annotations

import dataclasses

from absl import flags

from aquanet_tf import cli, files
from aquanet_tf.inference.checkpoint import load
from aquanet_tf.inference.loader import open_model
from aquanet_tf.media import images
from export.bundle import parity
from export.bundle.parity import Tolerance


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of the training run.", required=True)
    cli.define_checkpoint()
    cli.define_path("model", None, "SavedModel directory or .tflite file.", required=True)
    cli.define_path("input", None, "An image, or a folder of images.", required=True)
    flags.DEFINE_float(
        "max_error", None, "Largest relative error of a pixel; default: the export's."
    )
    flags.DEFINE_float("mean_error", None, "Largest mean relative error; default: the export's.")
    flags.DEFINE_float("outliers", None, "Largest share of outliers; default: the export's.")
    cli.define_output("out", "", "JSON file for the result; empty: only printed.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    paths = images.list_images(options.input)
    network = open_model(options.model)
    if network.kind == "checkpoint":
        raise ValueError(f"--model={options.model}: is a workdir; name an export of it")
    names = [field.name for field in dataclasses.fields(Tolerance)]
    given = {name: options[name].value for name in names if options[name].value is not None}
    tolerance = Tolerance(**{**network.tolerance, **given})
    truth = load(
        options.workdir,
        network.height,
        checkpoint=options.checkpoint,
        grid_shift=network.grid_shift,
    )
    batches = [images.read_image(path)[None] for path in paths]
    report = parity.check(network, truth, batches, tolerance)
    if options.out:
        files.write(options.out, report)
    print(parity.text(report))


if __name__ == "__main__":
    define_flags()
    cli.run(main)
