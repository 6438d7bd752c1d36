"""Cityscapes' video sequences to TFRecord shards of triplets:

    python -m data_prep.cityscapes --raw_dir CITYSCAPES --out DIR [--split train] [--height 384]

Neighbors are two frames apart (17 frames a second are too many). `--border` cuts off what is
not the scene: the car's bonnet, and the margin that rectification blurs; K follows, for each
snippet from its own json.
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
        raw_dir="Cityscapes: leftImg8bit_sequence/ and camera/.",
        split="train, val, test (or several, with commas), or all.",
    )
    flags.DEFINE_list("border", list(map(str, BORDER)), "Pixels to cut: top,bottom,left,right.")


def main(argv) -> None:
    """Command line: `prepare`, then a summary."""
    del argv
    options = dataset_options.from_flags(
        Options, border=cityscapes.parse_border(flags.FLAGS.border)
    )
    prepare.print_summary(cityscapes.prepare(options), options.out)


if __name__ == "__main__":
    define_flags()
    cli.run(main)
