"""Depth against ground truth in the KITTI layout, under a stated protocol.

    python -m aquanet_tf.evaluate --workdir RUN --gt_dir RAW --split FILE|all --out FILE.json
    python -m aquanet_tf.evaluate --workdir RUN --gt_dir RAW --protocol eigen_original --out FILE

Prints a table under its protocol line, and errors by distance (`distance_bands`), and writes the
protocol, the means and every image's numbers as JSON. Where motion masks exist, static and moving
pixels are also reported apart: the alignment is found once on *all* valid pixels, then each part
is measured with it.

`--static_only` leaves out what the SPIMO masks of the run, or of `--mask_workdir`, call likely
moving, before the alignment (the paper's "1st-stat"). `--post_processing` averages with the
mirrored image (`flip`) or blends it at two more sizes (`multi_scale`, the paper's "P").
`--mask_quality` also measures SPIMO masks and Monodepth2's auto-masks against motion masks.

`--baselines` puts two predictions that look at no pixel beside the network, under the same
protocol: `constant`, the same depth everywhere, and `ramp`, a flat road that ends at a wall:
inverse depth max(v - horizon, H / 5) of the row v in an image of H rows, the horizon being the
principal point's row in the calibration (a level camera). Without the wall, all above the horizon
would be at infinity, and the ramp worse than a constant in any street with houses; H / 5 is near
the best choice on KITTI and on the street alike, so the ramp is a baseline worth beating. Both
get their scale from the alignment, as the network does.
"""

from __future__ import annotations

import pathlib

from absl import flags

import aquanet_tf
from aquanet_tf import cli, files
from aquanet_tf.evaluation import eigen, mask_quality, table
from aquanet_tf.evaluation import protocol as evaluation_protocol
from aquanet_tf.evaluation import run as evaluation_run
from aquanet_tf.evaluation.baselines import BASELINES
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.kitti import ground_truth
from aquanet_tf.media import images


def define_flags() -> None:
    """The flags of the command; Protocol says what each of its options means."""
    flags.DEFINE_string("workdir", None, "Directory of a training run.", required=True)
    flags.DEFINE_string("gt_dir", None, "KITTI raw directory with ground truth.", required=True)
    flags.DEFINE_string("split", "all", "Split file (DATE/DRIVE [FRAME [l|r]] lines), or all.")
    flags.DEFINE_enum(
        "protocol",
        "",
        ["", *eigen.PROTOCOLS],
        "All 697 or 652 test images of Eigen's split; fixes split, ground truth, crop and cap.",
    )
    flags.DEFINE_string("out", None, "JSON file to write.", required=True)
    flags.DEFINE_enum(
        "ground_truth",
        "depth",
        list(evaluation_protocol.GROUND_TRUTHS),
        "Annotated maps or raw scans.",
    )
    flags.DEFINE_enum(
        "crop", "none", list(evaluation_protocol.CROPS), "Part of the image that counts."
    )
    flags.DEFINE_enum(
        "alignment", "median", list(evaluation_protocol.ALIGNMENTS), "How meters are found."
    )
    flags.DEFINE_float("max_depth", 80.0, "Cap in meters.")
    flags.DEFINE_bool(
        "cap_ground_truth",
        True,
        "Leave out ground truth beyond the cap. Monodepth2's 'eigen_benchmark' keeps it.",
    )
    flags.DEFINE_enum("camera", "2", ["2", "3"], "Camera of the drives (a split's l, r wins).")
    flags.DEFINE_integer("height", 0, "Working height; 0: the one the run was trained for.")
    flags.DEFINE_bool("static_only", False, "Count static pixels by SPIMO masks only.")
    flags.DEFINE_string("mask_workdir", "", "Stage-1 run that makes the masks; empty: --workdir.")
    flags.DEFINE_bool("mask_quality", False, "Measure the masks too, where motion is known.")
    flags.DEFINE_enum(
        "post_processing",
        "none",
        list(evaluation_protocol.POST_PROCESSINGS),
        "Of the network's prediction.",
    )
    flags.DEFINE_bool("baselines", False, "Also measure the constant and the ramp baseline.")


def fix_flags(options: flags.FlagValues, protocol: str) -> None:
    """Sets those of the command's flags, `options`, that `protocol` fixes. Raises ValueError when
    one of them was given on the command line."""
    for name in ("split", "camera", *eigen.PROTOCOLS[protocol]):
        if options[name].present:
            raise ValueError(f"--{name} is fixed by --protocol={protocol}: leave it out")
    for name, value in eigen.PROTOCOLS[protocol].items():
        setattr(options, name, value)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    if options.protocol:
        fix_flags(options, options.protocol)
    protocol = Protocol(
        ground_truth=options.ground_truth,
        crop=options.crop,
        max_depth=options.max_depth,
        alignment=options.alignment,
        cap_ground_truth=options.cap_ground_truth,
        static_only=options.static_only,
        post_processing=options.post_processing,
    )
    if options.baselines and protocol.alignment == "none":
        raise ValueError("--baselines have no meters of their own: choose an --alignment")
    if options.protocol:
        frames, without = eigen.find_frames(options.gt_dir, options.protocol), 0
    else:
        frames, without = ground_truth.find_frames(
            options.gt_dir, options.split, int(options.camera), options.ground_truth
        )
    from aquanet_tf.inference.checkpoint import Predictor
    from aquanet_tf.inference.mask_scores import AutoMaskScore, SpimoScore
    from aquanet_tf.runs.run import load_run  # TensorFlow: only once the files are there

    run = load_run(options.workdir)
    network = Predictor(run, options.height, options.post_processing)
    masking = load_run(options.mask_workdir) if options.mask_workdir else run
    spimo = SpimoScore(masking, options.height)
    methods = {"network": lambda frame: network(images.read_image(frame.image)).inverse_depth}
    if options.baselines:
        methods.update(BASELINES)
    static = None
    if options.static_only:

        def static(frame):
            return spimo.static(images.read_image(frame.image))

    results = evaluation_run.evaluate(frames, methods, protocol, static)
    masks = {}
    if options.mask_quality:
        automask = AutoMaskScore(masking, options.height)
        masks = evaluation_run.measure_masks(frames, spimo, automask)
    document = {
        "protocol": vars(protocol),
        "protocol_line": protocol.line(),
        "gt_dir": str(pathlib.Path(options.gt_dir).resolve()),
        "split": options.protocol or options.split,
        "camera": int(options.camera),
        "images": len(frames),
        "images_without_ground_truth": without,
        "model": {
            "workdir": str(pathlib.Path(options.workdir).resolve()),
            "epoch": network.epoch,
            "working_height": network.height,
        },
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
        "mask_workdir": str(pathlib.Path(options.mask_workdir or options.workdir).resolve()),
        "masks": masks,
        **results.pop("network"),
        "baselines": results,
    }
    files.write(options.out, document)
    print(f"{len(frames)} images; {without} more have no ground truth")
    print(table.table({"network": document, **results}, protocol))
    if masks:
        print(f"\n{mask_quality.table(masks)}")
    print(f"written: {options.out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
