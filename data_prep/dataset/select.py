"""Chooses the frame triplets of a KITTI-layout directory that are worth learning from."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re
from concurrent.futures import Executor

import numpy as np
from PIL import Image

from aquanet_tf import progress
from aquanet_tf.kitti.layout import Drive, SplitEntry
from aquanet_tf.media.images import to_rgb

# Frames are compared at this width: compression noise is averaged away, motion is not.
_COMPARED_WIDTH = 160
# What Pillow raises for a file that is not a readable image, depending on the damage.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


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
    """When a triplet counts as standing still: mean speed below `min_speed` m/s where the drive
    has oxts; elsewhere one pair of neighbors differs by less than `min_difference` gray
    levels (0..255) on average, both frames reduced to 160 pixels width."""

    min_speed: float
    min_difference: float


@dataclasses.dataclass
class Selection:
    """Chosen triplets in order, and an account of what was left out and why."""

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
    """Triplets of all `drives` (split None), or of the drives and frames a split names.

    A triplet needs all three of its frame numbers, so none crosses a gap. Split lines of a side
    (l, r) count only for that camera; drives and cameras that are absent are noted in `sources`.
    """
    found = Selection()
    by_name = {drive.name: drive for drive in drives}
    names = list(by_name) if split is None else list(dict.fromkeys(e.drive for e in split))
    for name in progress.bar(names, desc="choosing triplets", unit="drive"):
        entries = None if split is None else [e for e in split if e.drive == name]
        if name not in by_name:
            found.sources.append({"drive": name, "note": "not in the raw directory"})
            continue
        _count_unselected(found, entries, cameras)
        for camera in cameras:
            _choose_in(found, by_name[name], camera, entries, stride, static, pool)
    return found


def _choose_in(found, drive, camera, entries, stride, static, pool) -> None:
    images = drive.images(camera)
    source = {"drive": drive.name, "camera": camera, "frames": len(images), "triplets": 0}
    found.sources.append(source)
    if not images:
        source["note"] = f"no image_{camera:02d}"
        return
    candidates = []
    for target in _targets(images, entries, camera):
        frames = (target - stride, target, target + stride)
        if all(frame in images for frame in frames):
            paths = tuple(images[frame] for frame in frames)
            candidates.append(Triplet(drive, camera, frames, paths))
        else:
            found.drops["no_neighbours"] += 1
    if static is not None:
        candidates = _moving(found, drive, candidates, static, pool)
    source["triplets"] = len(candidates)
    found.triplets += candidates


def _targets(images, entries, camera) -> list[int]:
    if entries is None or any(e.frame is None and e.camera in (None, camera) for e in entries):
        return list(images)
    wanted = (e.frame for e in entries if e.camera in (None, camera))
    return sorted(set(wanted))


def _count_unselected(found, entries, cameras) -> None:
    other = sum(e.camera is not None and e.camera not in cameras for e in entries or [])
    if other:
        found.drops["camera_not_selected"] += other


def _moving(found, drive, candidates, static, pool) -> list[Triplet]:
    speeds = drive.speeds()
    with_speed = [t for t in candidates if all(frame in speeds for frame in t.frames)]
    without = [t for t in candidates if not all(frame in speeds for frame in t.frames)]
    kept = [t for t in with_speed if np.mean([speeds[f] for f in t.frames]) >= static.min_speed]
    found.drops["static_speed"] += len(with_speed) - len(kept)
    kept += _differing(found, without, static.min_difference, pool)
    return sorted(kept, key=lambda triplet: triplet.frames)


def _differing(found, candidates, threshold, pool) -> list[Triplet]:
    paths = sorted({path for triplet in candidates for path in triplet.paths})
    small = dict(zip(paths, pool.map(_reduced, paths)))
    found.dropped_files += [
        {"file": str(path), "reason": image} for path, image in small.items() if _bad(image)
    ]
    kept = []
    for triplet in candidates:
        images = [small[path] for path in triplet.paths]
        if any(map(_bad, images)):
            found.drops["unreadable"] += 1
        elif min(_difference(images[0], images[1]), _difference(images[1], images[2])) < threshold:
            found.drops["static_image"] += 1
        else:
            kept.append(triplet)
    return kept


def _reduced(path):
    """Gray uint8 thumbnail, or the reason (a string) why the file cannot be read."""
    try:
        with Image.open(path) as image:
            width = min(_COMPARED_WIDTH, image.width)
            height = max(1, round(image.height * width / image.width))
            gray = to_rgb(image).convert("L")
            return np.asarray(gray.resize((width, height), Image.Resampling.BOX))
    except UNREADABLE as error:
        return describe(error)


def describe(error: Exception) -> str:
    """One line for the manifest, without the path (which stands beside it) or the address of a
    buffer (which is another one in every run)."""
    text = getattr(error, "strerror", None) or str(error)
    return re.split(r" '/| <_io\.", f"{type(error).__name__}: {text}".splitlines()[0])[0]


def _bad(image) -> bool:
    return isinstance(image, str)


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference in gray levels; infinite for different sizes (not our business)."""
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a.astype(np.int16) - b).mean())
