"""The clips of an --input: one camera, frames chosen in each, every clip a scene of its own."""

from __future__ import annotations

import dataclasses
import pathlib
import re

import numpy as np

from aquanet_tf import progress
from data_prep.video import frames as video_frames
from data_prep.video import raw as video_raw
from data_prep.video import select as video_select
from data_prep.video.crop import Crop


@dataclasses.dataclass
class Chosen:
    """The frames chosen in all clips.

    selection: of all clips together. drives: clip -> DATE/DRIVE of each scene -> frame numbers.
    left_out: name of a clip that cannot be read -> why. warnings: of single clips.
    """

    selection: video_select.Selection = dataclasses.field(default_factory=video_select.Selection)
    drives: dict[pathlib.Path, dict[str, list[int]]] = dataclasses.field(default_factory=dict)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    warnings: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Clips:
    """paths: the clips, in order. first: their first frame that can be decoded, [H, W, 3]."""

    paths: list[pathlib.Path]
    first: np.ndarray

    @classmethod
    def of(cls, text: str) -> Clips:
        """The clips of an --input. ValueError when there is none, or none can be decoded."""
        paths = video_frames.clips(text)
        for path in paths:
            try:
                return cls(paths, next(video_frames.read(path)))
            except ValueError as error:
                failure = error
        raise failure

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the frames as decoded."""
        return self.first.shape[:2]

    def select(self, focal: float, min_flow: float, crop: Crop) -> Chosen:
        """Chooses frames in every clip; focal length and flow in widths of the cropped image.

        With several clips those that cannot be decoded are left out. ValueError for a clip of
        another size, and when the only clip cannot be decoded.
        """
        chosen = Chosen()
        for path in self.paths:
            try:
                first = next(video_frames.read(path))
            except ValueError as error:
                chosen.left_out[path.name] = str(error)
                chosen.warnings.append(f"left out: {error}")
                continue
            if first.shape[:2] != self.shape:
                raise ValueError(
                    f"{path}: {first.shape[1]}x{first.shape[0]}, the clips before are "
                    f"{self.shape[1]}x{self.shape[0]}; an --input has one size and one camera"
                )
            frames = video_frames.read(path, crop)
            frames = progress.bar(frames, desc=f"motion in {path.name}", unit="frame")
            selection = video_select.select(frames, focal, min_flow)
            chosen.drives[path] = dict(
                zip(_names(path, chosen, len(selection.scenes)), selection.scenes)
            )
            chosen.warnings += [
                f"{path.name}: {text}" if len(self.paths) > 1 else text
                for text in video_frames.cut_off(path, selection.frames)
            ]
            chosen.selection.add(selection)
        return chosen


def _names(path: pathlib.Path, chosen: Chosen, number: int) -> list[str]:
    """DATE/DRIVE of a clip's scenes, made from its name; no two clips share one."""
    first = stem = re.sub(r"[^\w-]+", "_", path.stem) or "video"
    used = {name.rpartition("_")[0] for drives in chosen.drives.values() for name in drives}
    count = 1
    while f"{video_raw.DATE}/{stem}" in used:
        count += 1
        stem = f"{first}_clip{count}"
    return [f"{video_raw.DATE}/{stem}_{index:04d}" for index in range(number)]
