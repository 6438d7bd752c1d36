"""Writes a finished synthetic street in the layout of Cityscapes' sequences.

    python -m data_prep.street.cityscapes --street STREET --out DIR [--border 4,12,6,6]

For tests and examples of `data_prep.cityscapes`, because Cityscapes itself may not be
redistributed. Written: DIR/leftImg8bit_sequence, DIR/camera and DIR/cityscapes.json, the options of
the street: another one needs another DIR. Every drive of the street becomes a sequence of the city
`street`; held-out drives go to the split `val`. Images get a margin and a car's hood (--border,
pixels); the same --border given to `data_prep.cityscapes` cuts both off and restores the street's
images and K.

Errors: "error: ..." names the flag, or the file of STREET that is missing.
"""

from __future__ import annotations

from absl import flags

from aquanet_tf import cli
from data_prep.layouts import cityscapes as layout
from data_prep.street.write import cityscapes


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("street", None, "Directory written by data_prep.street.", required=True)
    cli.define_output("out", None, "Directory to write.", required=True, folder=True)
    flags.DEFINE_list("border", ["4", "12", "6", "6"], "Margin: top,bottom,left,right in pixels.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    border = layout.parse_border(options.border)
    print(f"{cityscapes.convert(options.street, options.out, border)} images in {options.out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
