"""Cityscapes' video sequences to TFRecord shards of triplets:

    python -m data_prep.cityscapes --raw_dir CITYSCAPES --out DIR [--split train] [--height 384]

Neighbours are two frames apart (17 frames a second are too many). `--border` cuts off what is
not the scene: the car's bonnet, and the margin that rectification blurs; K follows, for each
snippet from its own json.
"""

from __future__ import annotations

import dataclasses
import functools

from absl import flags

from aquanet_tf import cli
from data_prep import cityscapes_layout, convert, triplets

# Rows and columns to cut from 1024x2048: what is left, 768x1848, shows no bonnet.
BORDER = (25, 231, 100, 100)


@dataclasses.dataclass(frozen=True)
class Options(convert.Options):
    """What to write; every field is a flag of the same name."""

    split: str = "train"
    stride: int = 2
    border: tuple[int, int, int, int] = BORDER


def prepare(options: Options) -> dict:
    """Writes the data set, or completes it; returns its manifest. Errors as convert.prepare."""
    splits = cityscapes_layout.SPLITS if options.split == "all" else tuple(options.split.split(","))
    if not set(splits) <= set(cityscapes_layout.SPLITS):
        raise ValueError(f"--split={options.split}: expected train, val, test, or all")

    @functools.cache
    def stored(path, shape):
        k = cityscapes_layout.read_camera(path)
        return convert.view(shape, k, options.height, window(shape, options.border))

    def view_of(triplet):
        sequence = triplet.drive
        return stored(sequence.calibration(triplet.frames[1]), sequence.shape)

    source = convert.Source(
        command="data_prep.cityscapes",
        drives=cityscapes_layout.list_sequences(options.raw_dir, splits),
        cameras=(2,),
        split=None,
        static=triplets.StaticFilter(0.0, options.min_difference),
        view_of=view_of,
    )
    return convert.prepare(options, source)


def window(shape, border) -> tuple[int, int, int, int]:
    """(top, left, height, width) of what is left of an image of `shape` without `border` (top,
    bottom, left, right). ValueError when that is nothing."""
    top, bottom, left, right = border
    height, width = shape[0] - top - bottom, shape[1] - left - right
    if min(height, width) < 1:
        raise ValueError(f"--border={','.join(map(str, border))} leaves nothing of {shape}")
    return top, left, height, width


def define_flags() -> None:
    """The flags of the command."""
    convert.define_flags(
        Options,
        raw_dir="Cityscapes: leftImg8bit_sequence/ and camera/.",
        split="train, val, test (or several, with commas), or all.",
    )
    flags.DEFINE_list("border", list(map(str, BORDER)), "Pixels to cut: top,bottom,left,right.")


def main(argv) -> None:
    """Command line: `prepare`, then a summary."""
    del argv
    options = convert.from_flags(Options, border=parse_border(flags.FLAGS.border))
    convert.print_summary(prepare(options), options.out)


def parse_border(words: list[str]) -> tuple[int, int, int, int]:
    """The value of --border. ValueError when it is not four numbers."""
    if len(words) != 4 or not all(word.strip().isdigit() for word in words):
        raise ValueError(
            f"--border={','.join(words)}: expected four numbers: top,bottom,left,right"
        )
    return tuple(int(word) for word in words)


if __name__ == "__main__":
    define_flags()
    cli.run(main)
