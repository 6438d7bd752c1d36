"""Resolves --input: a file, a folder, a pattern, or `-` for paths on standard input."""

from __future__ import annotations

import glob
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from aquanet_tf.media import images, video


def paths(text: str, stream: Iterable[str] | None = None) -> list[pathlib.Path] | Iterator:
    """The files of an --input: a sorted list; for `-` an iterator.

    The iterator yields each path when its line arrives, so that a program can send paths and see
    results at once.

    Args:
      text: a file, a folder, a pattern like 'photos/*.jpg', or `-`.
      stream: the lines for `-`; default: standard input.

    In folders, patterns and streams foreign files (`images.is_foreign`) are left out. Raises
    ValueError when no file is found.
    """
    if not text:
        raise ValueError("--input is empty: name an image, a video, a folder, a pattern, or -")
    if text == "-":
        lines = (line.strip() for line in stream or sys.stdin)
        named_paths = (pathlib.Path(line) for line in lines if line)
        return (path for path in named_paths if not images.is_foreign(path))
    if any(sign in text for sign in "*?[") and not pathlib.Path(text).exists():
        found = sorted(pathlib.Path(name) for name in glob.glob(text, recursive=True))
        found = [path for path in found if path.is_file() and not images.is_foreign(path)]
        if not found:
            raise ValueError(f"--input={text}: the pattern matches no file")
        return found
    return list_media(text)


def list_media(path: str | pathlib.Path) -> list[pathlib.Path]:
    """The file itself, or the images and videos directly in a folder, sorted by name.

    ValueError when the path does not exist or the folder holds neither.
    """
    return images.list_files(path, (*images.EXTENSIONS, *video.EXTENSIONS), "image or video")


def named(inputs: Iterable[pathlib.Path]) -> Iterator[tuple[pathlib.Path, str]]:
    """Yields (path, name): a unique name for the files made from each path.

    The name is the path's stem; in a list, its full file name where two paths share a stem.
    Repeated names, in a list or a stream, get _2, _3, ... appended.
    """
    stems = [path.stem for path in inputs] if isinstance(inputs, list) else []
    used = set()
    for path in inputs:
        first = path.name if stems.count(path.stem) > 1 else path.stem
        name, number = first, 1
        while name in used:
            number += 1
            name = f"{first}_{number}"
        used.add(name)
        yield path, name


def of_one_size(source, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames [H, W, C] of `source`; ValueError at the first one of another size, as it is then
    of another camera."""
    shape = None
    for number, frame in enumerate(frames):
        shape = shape or frame.shape
        if frame.shape != shape:
            raise ValueError(
                f"{source}: image {number} has {frame.shape[1]}x{frame.shape[0]} pixels, the ones "
                f"before {shape[1]}x{shape[0]}; give the images of one camera"
            )
        yield frame


def margins(values: Sequence[str]) -> tuple[int, ...]:
    """The four numbers of --crop, pixels; none where none are given. ValueError naming the flag."""
    try:
        numbers = tuple(int(value) for value in values)
    except ValueError:
        numbers = (-1,)
    if numbers and (len(numbers) != 4 or min(numbers) < 0):
        text = ",".join(map(str, values))
        raise ValueError(f"--crop={text}: expected TOP,BOTTOM,LEFT,RIGHT in pixels, 0 or more")
    return numbers
