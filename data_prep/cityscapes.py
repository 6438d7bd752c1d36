"""Writes triplets of Cityscapes' video sequences as a data set for training.

    python -m data_prep.cityscapes --raw_dir CITYSCAPES --out DIR [--split train] [--height 384]

Written: in --out, TFRecord shards, manifest.json, and sources.json (what they were made of).
Neighbors are two frames apart, because consecutive frames at 17 Hz show too little motion.
`--border` crops the car's hood and the margin blurred by rectification; K is changed accordingly,
and comes from the json of each snippet. Re-run an interrupted command to resume it.

Errors: "error: ..." names the flag or the file, and the archive that is missing. Unreadable images
are left out and listed in the manifest, up to --max_bad.
"""

from __future__ import annotations

from absl import flags

from aquanet_tf import cli
from data_prep.dataset import options as dataset_options
from data_prep.dataset import prepare
from data_prep.layouts import cityscapes
from data_prep.layouts.cityscapes import BORDER, Options


def define_flags() -> None:
    """The flags of the command."""
    dataset_options.define_flags(
        Options,
        raw_dir="Directory with leftImg8bit_sequence/ and camera/.",
        split="train, val, test, several of them separated by commas, or all.",
    )
    flags.adopt_module_key_flags(dataset_options)  # or --help would not show them
    flags.DEFINE_list("border", list(map(str, BORDER)), "Pixels to crop: top,bottom,left,right.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = dataset_options.from_flags(
        Options, border=cityscapes.parse_border(flags.FLAGS.border)
    )
    prepare.print_summary(cityscapes.prepare(options), options.out)


if __name__ == "__main__":
    define_flags()
    cli.run(main)
