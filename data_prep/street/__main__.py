"""Generates the street: driving sequences in KITTI raw layout with exact ground truth.

    python -m data_prep.street --out street --drives 24 --frames 24 --height 64 --width 208

The bytes are a function of the flags, whatever the number of worker processes (another version of
NumPy may round a few pixels differently, by one gray level). Interrupted runs are resumed by
running the same command again.
"""

from __future__ import annotations

from absl import flags

from aquanet_tf import cli
from data_prep.street import generate

FLAGS = flags.FLAGS


def define_flags():
    """The command's flags."""
    flags.DEFINE_string("out", None, "Folder to write; laid out as KITTI raw.", required=True)
    flags.DEFINE_integer("drives", 24, "Drives to learn from.", lower_bound=0)
    flags.DEFINE_integer(
        "test_drives", 4, "Held-out drives, numbered after those to learn from.", lower_bound=0
    )
    flags.DEFINE_integer("frames", 24, "Frames of each drive (10 a second).", lower_bound=1)
    flags.DEFINE_integer("height", 64, "Height of the pictures in pixels.", lower_bound=16)
    flags.DEFINE_integer("width", 208, "Width of the pictures in pixels.", lower_bound=16)
    flags.DEFINE_integer("seed", 1, "Other seeds give other streets.", lower_bound=0)
    flags.DEFINE_integer("workers", 0, "Processes; 0 takes every core.", lower_bound=0)


def main(argv):
    """Runs the command."""
    del argv
    generate.generate(
        FLAGS.out, FLAGS.drives, FLAGS.test_drives, FLAGS.frames, FLAGS.height, FLAGS.width,
        FLAGS.seed, FLAGS.workers,
    )  # fmt: skip
    print(f"street of {FLAGS.drives} + {FLAGS.test_drives} drives in {FLAGS.out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
