"""Chooses the frames of a drive for structure from motion: with motion between them, and turns."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

from aquanet_tf import progress
from data_prep.dataset import thumbnails
from data_prep.video import frames as video_frames
from data_prep.video import select
from data_prep.video.crop import Crop
from data_prep.video.motion import Motion

# Median flow between two frames, shares of the width: the least, and the most when a long scene is
# thinned out.
_LEAST_FLOW, _MOST_FLOW = 0.003, 0.012
# Fewer frames than this show too little of a drive.
FEWEST = 20
# Largest width of the images in pixels; larger frames are reduced.
WIDTH = 1280
# Focal length in widths, to tell rotation from parallax; its exact value hardly matters.
_FOCAL = 0.7


def choose(clip: pathlib.Path, crop: Crop, most: int) -> list[int]:
    """Numbers of up to `most` frames of one scene, those in which the camera turns most.

    A drive straight ahead does not show its focal length; the rotation of a turn does.

    Raises ValueError when the clip cannot be decoded, or no scene has `FEWEST` frames in motion.
    """
    frames = video_frames.read(clip, crop)
    frames = progress.bar(frames, desc=f"motion in {clip.name}", unit="frame")
    selection = select.select(frames, _FOCAL, _LEAST_FLOW)
    best, largest, longest, first = [], 0.0, 0, 0
    for scene in selection.scenes:
        steps = selection.steps[first : first + len(scene) - 1]
        first += len(steps)
        numbers, turn = _turning(scene, steps, most)
        longest = max(longest, len(numbers))
        # A longer scene is worth more than a sharper turn of a few frames.
        value = turn * len(numbers)
        if len(numbers) >= FEWEST and (not best or value > largest):
            best, largest = numbers, value
    if not best:
        raise ValueError(
            f"{clip}: the longest scene in motion has {longest} frames, and {FEWEST} are needed; "
            "give a longer piece of the drive, best one with a turn"
        )
    return best


def _turning(scene: list[int], steps: list[Motion], most: int) -> tuple[list[int], float]:
    """The part of a scene that turns most, thinned out to up to `most` frames; and the rotation in
    it, in shares of the width."""
    flow = float(np.median([step.flow for step in steps])) if steps else 1.0
    stride = max(1, min(len(scene) // most, int(_MOST_FLOW / flow)))
    turned = np.cumsum([0.0] + [step.flow - step.parallax for step in steps])[::stride]
    numbers = scene[::stride]
    size = min(most, len(numbers))
    gains = turned[size - 1 :] - turned[: len(numbers) - size + 1]
    start = int(gains.argmax())
    return numbers[start : start + size], float(gains[start])


def write(clip: pathlib.Path, numbers: list[int], folder: pathlib.Path) -> tuple[int, int]:
    """Writes frames of a clip as PNG files below `folder`, in order, at most `WIDTH` pixels wide.

    Returns (height, width) of the frames as decoded.
    """
    wanted, shape = set(numbers), (0, 0)
    for number, frame in enumerate(video_frames.read(clip)):
        shape = frame.shape[:2]
        if number in wanted:
            image = thumbnails.shrunk(Image.fromarray(frame).convert("L"), size_of(shape))
            image.save(folder / f"{number:08d}.png")
        if number >= numbers[-1]:
            break
    return shape


def write_mask(shape: tuple[int, int], crop: Crop, path: pathlib.Path) -> None:
    """Writes the PNG file that hides the margins of `crop` in images of frames of `shape`."""
    mask = np.zeros(shape, np.uint8)
    crop.frame(mask)[...] = 255
    Image.fromarray(mask).resize(size_of(shape), Image.NEAREST).save(path)


def size_of(shape: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the images of frames of `shape` (height, width)."""
    return thumbnails.size_at(min(WIDTH, shape[1]), shape)
