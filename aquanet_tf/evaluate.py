"""Measures depth against ground truth in the KITTI layout, under a stated protocol.

    python -m aquanet_tf.evaluate --workdir RUN --gt_dir RAW --split FILE|all --out FILE.json
    python -m aquanet_tf.evaluate --workdir RUN --gt_dir RAW --protocol eigen_original --out FILE

Prints the protocol, a table of metrics and the errors by distance. Writes protocol, means and the
numbers of every image as JSON. Where the ground truth has motion masks, static and moving pixels
are also reported separately, both under the one alignment found on all valid pixels.

    --alignment=none   takes depth in meters as it is: with the scale of --metres_per_unit, else
                       that of the run's scale.json (`aquanet_tf.scale`)
    --static_only      leaves out pixels that the SPIMO masks of the run, or of --mask_workdir, call
                       likely moving, before the alignment (the paper's "1st-stat")
    --post_processing  flip: averages with the prediction of the mirrored image; multi_scale: blends
                       the predictions of two more image sizes (the paper's "P")
    --mask_quality     also measures SPIMO masks and Monodepth2's auto-masks against motion masks
    --baselines        also measures two predictions that ignore the image, `constant` and `ramp`
                       (aquanet_tf/evaluation/baselines.py)
"""

from __future__ import annotations

from absl import flags

from aquanet_tf import cli, files
from aquanet_tf.evaluation import Protocol, eigen, protocol, run, table
from aquanet_tf.evaluation.settings import Settings
from aquanet_tf.runs import scale

_NO_SCALE = "depth: one unit counts as one meter; python -m aquanet_tf.scale finds the scale"


def define_flags() -> None:
    """The flags of the command; `Protocol` documents the options of the protocol."""
    cli.define_path("workdir", None, "Directory of a training run.", required=True)
    cli.define_checkpoint()
    cli.define_path("gt_dir", None, "KITTI raw directory with ground truth.", required=True)
    text = "KITTI's annotated depth as downloaded (train/DRIVE, val/DRIVE); empty: in --gt_dir."
    cli.define_path("depth_dir", "", text)
    cli.define_path(
        "split", "all", "Split file (lines DATE/DRIVE [FRAME [l|r]], or pictures), or all."
    )
    names = ["", *eigen.PROTOCOLS]
    text = "All 697 or 652 test images of Eigen's split; fixes split, ground truth, crop and cap."
    flags.DEFINE_enum("protocol", "", names, text)
    cli.define_output("out", None, "JSON file to write.", required=True)
    sources, crops = list(protocol.GROUND_TRUTHS), list(protocol.CROPS)
    flags.DEFINE_enum("ground_truth", "depth", sources, "Annotated maps or raw scans.")
    flags.DEFINE_enum("crop", "none", crops, "Part of the image that counts.")
    alignments = list(protocol.ALIGNMENTS)
    flags.DEFINE_enum("alignment", "median", alignments, "How relative depth becomes meters.")
    text = "Meters of one unit of depth for --alignment=none; left out: the run's scale.json."
    flags.DEFINE_float("metres_per_unit", None, text)
    flags.DEFINE_float("max_depth", 80.0, "Cap in meters.")
    text = "Leave out ground truth beyond the cap. Monodepth2's 'eigen_benchmark' keeps it."
    flags.DEFINE_bool("cap_ground_truth", True, text)
    flags.DEFINE_enum("camera", "2", ["2", "3"], "Camera; l or r in a split line overrides it.")
    flags.DEFINE_integer("height", 0, "Working height; 0: the run's own (its --working_height).")
    cli.define_grid_shift()
    flags.DEFINE_bool("static_only", False, "Count only pixels that are static by SPIMO masks.")
    cli.define_path("mask_workdir", "", "Stage-1 run that makes the masks; empty: --workdir.")
    flags.DEFINE_bool("mask_quality", False, "Also measure the masks, against motion masks.")
    processings = list(protocol.POST_PROCESSINGS)
    flags.DEFINE_enum("post_processing", "none", processings, "Of the network's prediction.")
    flags.DEFINE_bool("baselines", False, "Also measure the constant and the ramp baseline.")


def fix_flags(options, name: str) -> None:
    """Sets the flags in `options` (absl's FLAGS) that the Eigen protocol `name` fixes.

    Raises ValueError when one of them was given on the command line.
    """
    for flag in ("split", "camera", *eigen.PROTOCOLS[name]):
        if options[flag].present:
            raise ValueError(f"--{flag} is fixed by --protocol={name}: leave it out")
    for flag, value in eigen.PROTOCOLS[name].items():
        setattr(options, flag, value)


def load_models(settings: Settings) -> run.MeasuredModels:
    """The networks of the run, and what the masks need."""
    # TensorFlow is loaded only here, so that errors in flags and files are reported at once.
    from aquanet_tf.inference.checkpoint import Predictor
    from aquanet_tf.inference.mask_scores import AutoMaskScore, SpimoScore
    from aquanet_tf.masks import spimo
    from aquanet_tf.runs.run import load_run

    trained = load_run(
        settings.workdir, checkpoint=settings.checkpoint, grid_shift=settings.grid_shift
    )
    network = Predictor(trained, settings.height, settings.protocol.post_processing)
    if settings.protocol.alignment == "none":
        given = settings.metres_per_unit
        known = scale.chosen(given, settings.workdir, trained, network.height)
        network.metres_per_unit = known.metres_per_unit or None
        print(known.line() if known.metres_per_unit else _NO_SCALE, flush=True)
    masking = load_run(settings.mask_workdir, "mask_workdir") if settings.mask_workdir else trained
    if settings.protocol.static_only or settings.mask_quality:
        spimo.warn_unreadable(masking.config)
    return run.MeasuredModels(
        network,
        SpimoScore(masking, settings.height),
        AutoMaskScore(masking, settings.height) if settings.mask_quality else None,
    )


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    if options.protocol:
        fix_flags(options, options.protocol)

    def chosen(*names):
        return {name: getattr(options, name) for name in names}

    settings = Settings(
        **chosen("workdir", "gt_dir", "height", "mask_workdir", "mask_quality", "baselines"),
        **chosen("depth_dir", "checkpoint", "metres_per_unit", "grid_shift"),
        split=options.protocol or options.split,
        camera=int(options.camera),
        protocol=Protocol(
            **chosen("ground_truth", "crop", "max_depth", "alignment"),
            **chosen("cap_ground_truth", "static_only", "post_processing"),
        ),
    )
    document = run.run(settings, load_models)
    # Before the file: a disk that has become full must not cost the numbers.
    print(table.text(document), flush=True)
    files.write(options.out, document)
    print(f"written: {options.out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
