"""Cityscapes' video sequences as a source of triplets: splits, border, K of every snippet."""

from __future__ import annotations

import dataclasses
import functools
import pathlib

from data_prep.dataset import encode, select
from data_prep.dataset import options as dataset_options
from data_prep.dataset import prepare as dataset_prepare
from data_prep.layouts import cityscapes_files

# Rows and columns to crop from 1024x2048: the remaining 768x1848 pixels do not show the car's hood.
BORDER = (25, 231, 100, 100)


@dataclasses.dataclass(frozen=True)
class Options(dataset_options.Options):
    """What to write; every field is a flag of data_prep.cityscapes.

    border: pixels to crop (top, bottom, left, right).
    """

    split: str = "train"
    stride: int = 2
    border: tuple[int, int, int, int] = BORDER


def prepare(options: Options) -> dict:
    """Writes the data set, or completes an interrupted run; returns its manifest.

    Raises ValueError and OSError as dataset.prepare.
    """
    splits = cityscapes_files.SPLITS if options.split == "all" else tuple(options.split.split(","))
    if not set(splits) <= set(cityscapes_files.SPLITS):
        raise ValueError(f"--split={options.split}: expected train, val, test, or all")

    sequences = cityscapes_files.list_sequences(options.raw_dir, splits)

    @functools.cache
    def any_shape():
        """Of a sequence without a readable image, which the encoder leaves out."""
        for sequence in sequences:
            if sequence.shape:
                return sequence.shape
        raise ValueError(f"--raw_dir={options.raw_dir}: no readable image; unpack it again")

    @functools.cache
    def stored(path, shape):
        return _camera_view(options, path, shape)

    def view_of(triplet):
        sequence = triplet.drive
        shape = sequence.shape or any_shape()
        return stored(sequence.calibration(triplet.frames[1]), shape)

    source = dataset_prepare.Source(
        command="data_prep.cityscapes",
        drives=sequences,
        cameras=(2,),
        split=None,
        static=select.StaticFilter(0.0, options.min_difference),
        view_of=view_of,
    )
    return dataset_prepare.prepare(options, source)


def recorded_camera(options: Options, origin: str, before: dict) -> dict | None:
    """The camera described at `origin` below the raw directory, as in a record of
    `dataset.origins`; None when the file is gone. `before`: that record's entry.

    ValueError when the file is damaged.
    """
    path = pathlib.Path(options.raw_dir) / origin
    if not path.is_file():
        return None
    height, width = map(int, before["size"].split("x"))
    return _camera_view(options, path, (height, width)).description()


def _camera_view(options: Options, path: pathlib.Path, shape: tuple[int, int]) -> encode.View:
    """How images of `shape` (height, width) with the camera json `path` are stored."""
    k = cityscapes_files.read_camera(path)
    origin = path.relative_to(options.raw_dir).as_posix()
    return encode.view(shape, k, options.height, window(shape, options.border), origin)


def window(shape, border) -> tuple[int, int, int, int]:
    """The part (top, left, height, width) of an image of `shape` (height, width) inside `border`
    (top, bottom, left, right). ValueError when nothing is left."""
    top, bottom, left, right = border
    height, width = shape[0] - top - bottom, shape[1] - left - right
    if min(height, width) < 1:
        raise ValueError(
            f"--border={','.join(map(str, border))} leaves nothing of {shape[0]}x{shape[1]} pixels"
        )
    return top, left, height, width


def parse_border(words: list[str]) -> tuple[int, int, int, int]:
    """The value of --border. ValueError when it is not four numbers."""
    if len(words) != 4 or not all(word.strip().isdigit() for word in words):
        raise ValueError(
            f"--border={','.join(words)}: expected four numbers: top,bottom,left,right"
        )
    return tuple(int(word) for word in words)
