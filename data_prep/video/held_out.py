"""Which triplets of a video are trained on, and which are held out to validate on."""

from __future__ import annotations

import pathlib

import numpy as np

from aquanet_tf import files

# Below --out: split files, as `kitti.split_file` reads them.
TRAIN, HELD_OUT = "train.txt", "held_out.txt"
_MOST_SHARE = 0.5
_FEWEST = 4  # held-out triplets of a short video in one piece


def check(share: float, most: int) -> None:
    """ValueError naming the flag."""
    if not 0 <= share <= _MOST_SHARE:
        raise ValueError(f"--held_out={share:g}: expected a share from 0 to {_MOST_SHARE:g}")
    if most < 0:
        raise ValueError(f"--max_triplets={most}: expected a number, or 0 for all")


def choose(scenes: dict[str, list], stride: int, share: float, most: int) -> dict[str, list[str]]:
    """The lines DATE/DRIVE FRAME of the split files, by their names.

    Args:
        scenes: DATE/DRIVE -> its frames, in the order of the video.
        stride: frames from the target to its neighbors.
        share: of the frames, taken from the end, that no training triplet may touch; of a short
            video more, so that a few triplets fit into it.
        most: triplets to train on, evenly spread; 0: all.

    ValueError, naming the flag, when one of the two would be empty.
    """
    count = sum(map(len, scenes.values()))
    cut = count - max(round(share * count), (2 * stride + _FEWEST) if share else 0)
    lines, first = {TRAIN: [], HELD_OUT: []}, 0
    for drive, frames in scenes.items():
        for frame in range(stride, len(frames) - stride):
            place = first + frame
            if place + stride < cut:
                lines[TRAIN].append(f"{drive} {frame}")
            elif place - stride >= cut:
                lines[HELD_OUT].append(f"{drive} {frame}")
        first += len(frames)
    if not lines[TRAIN] or (share and not lines[HELD_OUT]):
        raise ValueError(
            f"--held_out={share:g}: of {count} frames {len(lines[TRAIN])} triplets are left to "
            f"train on, and {len(lines[HELD_OUT])} are held out; use a longer video"
        )
    if most and len(lines[TRAIN]) > most:
        places = np.linspace(0, len(lines[TRAIN]) - 1, most).round().astype(int)
        lines[TRAIN] = [lines[TRAIN][place] for place in places]
    return lines


def write(out: pathlib.Path, lines: dict[str, list[str]]) -> None:
    """Writes the split files that have lines, below `out`. OSError names one that cannot be."""
    for name, each in lines.items():
        if each:
            with files.named(out / name) as path:
                path.write_text("\n".join(each) + "\n")
