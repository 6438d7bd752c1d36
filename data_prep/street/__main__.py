"""Generates a synthetic street: driving sequences in KITTI raw layout with exact ground truth.

    python -m data_prep.street --out street --drives 24 --frames 24 --height 64 --width 208

Written: in --out, the images, calibration, lidar scans and oxts of all drives; exact depth, motion
masks and poses; splits/train.txt and splits/test.txt (the held-out drives).

The files are determined by the flags and do not depend on --workers (another version of NumPy may
change a few pixels by one gray level). Re-run an interrupted command to resume it.

Errors: "error: ..." names the flag, and --out when it holds another street or other files.
"""

from __future__ import annotations

import dataclasses

from absl import flags

from aquanet_tf import cli
from data_prep.street import generate
from data_prep.street.drive import Street
from data_prep.street.render.picture import FOCAL
from data_prep.street.world.traffic import CAMERA_HEIGHT


def define_flags() -> None:
    """The flags of the command."""
    cli.define_output(
        "out", None, "Directory to write, in KITTI raw layout.", required=True, folder=True
    )
    flags.DEFINE_integer("drives", 24, "Number of drives for training.", lower_bound=0)
    flags.DEFINE_integer(
        "test_drives", 4, "Number of held-out drives, numbered after the others.", lower_bound=0
    )
    flags.DEFINE_integer("frames", 24, "Frames of each drive (10 per second).", lower_bound=1)
    flags.DEFINE_integer("height", 64, "Image height in pixels.", lower_bound=16)
    flags.DEFINE_integer("width", 208, "Image width in pixels.", lower_bound=16)
    flags.DEFINE_integer("seed", 1, "Another seed gives another street.", lower_bound=0)
    text = "Height of the camera above the road, meters."
    flags.DEFINE_float("camera_height", CAMERA_HEIGHT, text, lower_bound=0.3, upper_bound=5.0)
    text = "Focal length in widths of the image; 0.58 is KITTI's."
    flags.DEFINE_float("focal", FOCAL, text, lower_bound=0.2, upper_bound=5.0)
    flags.DEFINE_integer("workers", 0, "Processes; 0 uses every core.", lower_bound=0)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    street = Street(*(options[field.name].value for field in dataclasses.fields(Street)))
    generate.generate(options.out, street, options.workers)
    print(f"street of {street.drives} + {street.test_drives} drives in {options.out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
