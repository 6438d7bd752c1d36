"""TODO docstring of data_prep.layouts.cityscapes."""

from __future__ import annotations

import dataclasses
import functools

from data_prep.dataset import encode, select
from data_prep.dataset import options as dataset_options
from data_prep.dataset import prepare as dataset_prepare
from data_prep.layouts import cityscapes_files

# Rows and columns to cut from 1024x2048: what is left, 768x1848, shows no bonnet.
BORDER = (25, 231, 100, 100)


@dataclasses.dataclass(frozen=True)
class Options(dataset_options.Options):
    """What to write; every field is a flag of the same name."""

    split: str = "train"
    stride: int = 2
    border: tuple[int, int, int, int] = BORDER


def prepare(options: Options) -> dict:
    """Writes the data set, or completes it; returns its manifest. Errors as convert.prepare."""
    splits = cityscapes_files.SPLITS if options.split == "all" else tuple(options.split.split(","))
    if not set(splits) <= set(cityscapes_files.SPLITS):
        raise ValueError(f"--split={options.split}: expected train, val, test, or all")

    @functools.cache
    def stored(path, shape):
        k = cityscapes_files.read_camera(path)
        return encode.view(shape, k, options.height, window(shape, options.border))

    def view_of(triplet):
        sequence = triplet.drive
        return stored(sequence.calibration(triplet.frames[1]), sequence.shape)

    source = dataset_prepare.Source(
        command="data_prep.cityscapes",
        drives=cityscapes_files.list_sequences(options.raw_dir, splits),
        cameras=(2,),
        split=None,
        static=select.StaticFilter(0.0, options.min_difference),
        view_of=view_of,
    )
    return dataset_prepare.prepare(options, source)


def window(shape, border) -> tuple[int, int, int, int]:
    """(top, left, height, width) of what is left of an image of `shape` without `border` (top,
    bottom, left, right). ValueError when that is nothing."""
    top, bottom, left, right = border
    height, width = shape[0] - top - bottom, shape[1] - left - right
    if min(height, width) < 1:
        raise ValueError(f"--border={','.join(map(str, border))} leaves nothing of {shape}")
    return top, left, height, width


def parse_border(words: list[str]) -> tuple[int, int, int, int]:
    """The value of --border. ValueError when it is not four numbers."""
    if len(words) != 4 or not all(word.strip().isdigit() for word in words):
        raise ValueError(
            f"--border={','.join(words)}: expected four numbers: top,bottom,left,right"
        )
    return tuple(int(word) for word in words)
