"""Chooses the frame triplets that are worth learning from: three frames present, and in motion."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re
from concurrent.futures import Executor

import numpy as np
from PIL import Image

from aquanet_tf import progress
from aquanet_tf.kitti.layout import UNREADABLE, Drive
from aquanet_tf.kitti.split_file import SplitEntry
from aquanet_tf.media.images import to_rgb
from data_prep.dataset import thumbnails


@dataclasses.dataclass(frozen=True)
class Triplet:
    """Frames (t - stride, t, t + stride) of one camera of one drive, and their image files."""

    drive: Drive
    camera: int
    frames: tuple[int, int, int]
    paths: tuple[pathlib.Path, pathlib.Path, pathlib.Path]

    @property
    def key(self) -> str:
        """DATE/DRIVE/image_0X/FRAME of the target frame."""
        return f"{self.drive.name}/image_{self.camera:02d}/{self.frames[1]:010d}"


@dataclasses.dataclass(frozen=True)
class StaticFilter:
    """When a triplet counts as standing still.

    With oxts: the mean speed of its frames is below `min_speed` m/s. Without: the target differs
    from one of its neighbors by less than `min_difference` gray levels (0..255) on average, both
    reduced to a width of 160 pixels.
    """

    min_speed: float
    min_difference: float


@dataclasses.dataclass
class Selection:
    """The chosen triplets in order, and an account of those left out: drops (reason -> number of
    triplets), dropped_files (file, reason), sources (drive, camera, frames, triplets or note)."""

    triplets: list[Triplet] = dataclasses.field(default_factory=list)
    drops: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    dropped_files: list[dict] = dataclasses.field(default_factory=list)
    sources: list[dict] = dataclasses.field(default_factory=list)


def choose(
    drives: list[Drive],
    cameras: list[int],
    split: list[SplitEntry] | None,
    stride: int,
    static: StaticFilter | None,
    pool: Executor,
) -> Selection:
    """Triplets of all `drives` (split None), or of the drives and frames that a split names.

    A triplet needs all three of its frame numbers, so none spans a gap. Split lines with a side
    (l, r) apply to that camera alone. Missing drives and cameras are noted in `sources`. `static`
    None keeps triplets that stand still. Images are read on the threads of `pool`.
    """
    chooser = _Chooser(cameras, stride, static, pool)
    selection = chooser.selection
    by_name = {drive.name: drive for drive in drives}
    names = list(by_name) if split is None else list(dict.fromkeys(e.drive for e in split))
    for name in progress.bar(names, desc="choosing triplets", unit="drive"):
        entries = None if split is None else [e for e in split if e.drive == name]
        if name not in by_name:
            selection.sources.append({"drive": name, "note": "not in the raw directory"})
            continue
        other = sum(e.camera is not None and e.camera not in cameras for e in entries or [])
        if other:
            selection.drops["camera_not_selected"] += other
        for camera in cameras:
            chooser.choose_in(by_name[name], camera, entries)
    return selection


def read_thumbnail(path: pathlib.Path) -> np.ndarray | str:
    """Gray uint8 [h, w] at a width of 160 pixels, or the reason why the file cannot be read."""
    try:
        with Image.open(path) as image:
            return thumbnails.gray(to_rgb(image))
    except UNREADABLE as error:
        return describe(error)


def describe(error: Exception) -> str:
    """One line for the manifest. It names neither the path, which has a field of its own, nor the
    address of a buffer, which differs from run to run."""
    text = getattr(error, "strerror", None) or str(error)
    return re.split(r" '/| <_io\.", f"{type(error).__name__}: {text}".splitlines()[0])[0]


class _Chooser:
    """Chooses drive by drive and camera by camera; `selection` is the one so far."""

    def __init__(self, cameras, stride: int, static: StaticFilter | None, pool: Executor):
        self.selection = Selection()
        self._cameras = cameras
        self._stride, self._static, self._pool = stride, static, pool

    def choose_in(self, drive: Drive, camera: int, entries: list[SplitEntry] | None) -> None:
        """Adds the triplets of one camera of one drive; `entries` of its split (None: all)."""
        images = drive.images(camera)
        source = {"drive": drive.name, "camera": camera, "frames": len(images), "triplets": 0}
        self.selection.sources.append(source)
        if not images:
            source["note"] = f"no image_{camera:02d}{self._hint(drive)}"
            return
        candidates = []
        for target in _targets(images, entries, camera):
            frames = (target - self._stride, target, target + self._stride)
            if all(frame in images for frame in frames):
                paths = tuple(images[frame] for frame in frames)
                candidates.append(Triplet(drive, camera, frames, paths))
            else:
                self.selection.drops["no_neighbours"] += 1
        if self._static is not None:
            candidates = self._moving(drive, candidates, source)
        source["triplets"] = len(candidates)
        self.selection.triplets += candidates

    def _hint(self, drive: Drive) -> str:
        """For a note: the camera to choose for a drive without images of the chosen ones."""
        present = [number for number in (2, 3, 0, 1) if drive.images(number)]
        nothing = present and not set(present) & set(self._cameras)
        return f"; --camera={present[0]} has images" if nothing else ""

    def _moving(self, drive: Drive, candidates: list[Triplet], source: dict) -> list[Triplet]:
        measured, least = drive.speeds(), self._static.min_speed
        speeds = {frame: speed for frame, speed in measured.items() if speed is not None}
        if damaged := [frame for frame in measured if frame not in speeds]:
            # Such a frame is treated as one without oxts.
            source["note"] = (
                f"{len(damaged)} damaged oxts files (first: frame {damaged[0]}); --min_difference "
                "decides for their triplets"
            )
        with_speed = [t for t in candidates if all(frame in speeds for frame in t.frames)]
        without = [t for t in candidates if not all(frame in speeds for frame in t.frames)]
        kept = [t for t in with_speed if np.mean([speeds[f] for f in t.frames]) >= least]
        self.selection.drops["static_speed"] += len(with_speed) - len(kept)
        kept += self._differing(without)
        return sorted(kept, key=lambda triplet: triplet.frames)

    def _differing(self, candidates: list[Triplet]) -> list[Triplet]:
        paths = sorted({path for triplet in candidates for path in triplet.paths})
        small = dict(zip(paths, self._pool.map(read_thumbnail, paths)))
        self.selection.dropped_files += [
            {"file": str(path), "reason": image} for path, image in small.items() if _bad(image)
        ]
        kept = []
        for triplet in candidates:
            before, target, after = (small[path] for path in triplet.paths)
            if any(map(_bad, (before, target, after))):
                self.selection.drops["unreadable"] += 1
            elif self._still(before, target) or self._still(target, after):
                self.selection.drops["static_image"] += 1
            else:
                kept.append(triplet)
        return kept

    def _still(self, a: np.ndarray, b: np.ndarray) -> bool:
        # Images of different sizes are refused when they are encoded, with a message of their own.
        if a.shape != b.shape:
            return False
        return float(np.abs(a.astype(np.int16) - b).mean()) < self._static.min_difference


def _targets(images, entries, camera) -> list[int]:
    """Frame numbers of the targets: all, or those that the entries name for this camera."""
    if entries is None or any(e.frame is None and e.camera in (None, camera) for e in entries):
        return list(images)
    named = (e.frame for e in entries if e.camera in (None, camera))
    return sorted(set(named))


def _bad(image) -> bool:
    return isinstance(image, str)
