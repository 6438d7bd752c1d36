"""A first look at a video: its margins, and reasons why it cannot be learned from."""

from __future__ import annotations

import dataclasses
import pathlib

from aquanet_tf import progress
from aquanet_tf.adaptation import margins
from aquanet_tf.media import images, inputs, video
from aquanet_tf.metric import camera_height

# Frames that are looked at, evenly spread.
_FRAMES = 100
# Fewest frames of a folder, fewest seconds of a video.
FEWEST_FRAMES, FEWEST_SECONDS = 30, 4.0
# Mean gray level, 0..255, below which a video is too dark.
DARKEST = 35.0
# Share of each side of the frames that must be left.
_SMALLEST = 0.5


@dataclasses.dataclass(frozen=True)
class Clip:
    """What was seen: size of the frames in pixels, the margins to cut off (top, bottom, left,
    right), the number of frames, the mean gray level, and warnings."""

    height: int
    width: int
    crop: tuple[int, int, int, int]
    frames: int
    brightness: float
    warnings: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) that is left."""
        top, bottom, left, right = self.crop
        return self.height - top - bottom, self.width - left - right

    def line(self) -> str:
        """What is printed about it."""
        height, width = self.shape
        cut = (
            f"cut off (top, bottom, left, right): {self.crop}" if any(self.crop) else "nothing cut"
        )
        return f"{self.frames} frames of {self.width}x{self.height}; {cut}; left: {width}x{height}"

    def with_warnings(self, more: list[str]) -> Clip:
        """The same with more warnings."""
        return dataclasses.replace(self, warnings=(*self.warnings, *more))


def size(source: str) -> tuple[int, int]:
    """(height, width) in pixels of the first frame of an --input."""
    first = next(iter(inputs.paths(source)))
    return video.size(first) if video.is_video(first) else images.size(first)


def look(source: str, crop: list[str] = ()) -> Clip:
    """Looks at an --input: a video, a folder of videos, or a folder of images.

    crop: the four numbers of --crop; empty: found.

    Raises ValueError with the reason for a video that is too short, too dark, or of a camera that
    does not move, and for a `crop` that leaves too little.
    """
    given = inputs.margins(crop)
    if given:
        _require_left(given, *size(source))
    paths = list(inputs.paths(source))
    count = _require_length(source, paths)
    spread = camera_height.spread(paths, _FRAMES)
    frames = (frame for _, frame in progress.bar(spread, desc="looking", unit="frame"))
    seen = margins.Statistics(inputs.of_one_size(source, frames))
    brightness = float(seen.gray.mean())
    if brightness < DARKEST:
        raise ValueError(
            f"{source}: too dark: mean gray level {brightness:.0f} of 255, needed are "
            f"{DARKEST:.0f}; use a drive by day"
        )
    if seen.still:
        raise ValueError(
            f"{source}: the camera does not move: {seen.fixed_share:.0%} of the edges stay where "
            "they are; depth is learned from the motion of the camera"
        )
    crop, warnings = given or margins.find(seen), []
    if seen.unclear and not given:
        crop = (0, 0, 0, 0)
        warnings.append(
            f"{seen.fixed_share:.0%} of the edges stay where they are, so a hood or burnt-in text "
            "cannot be told from the scene: nothing is cut off (--crop does it)"
        )
    found = Clip(*seen.shape, crop, count, brightness, tuple(warnings))
    if min(found.shape[0] / found.height, found.shape[1] / found.width) < _SMALLEST:
        raise ValueError(
            f"{source}: only {found.shape[1]}x{found.shape[0]} of {found.width}x{found.height} "
            "pixels ever move; give --crop=TOP,BOTTOM,LEFT,RIGHT to decide yourself (at least "
            f"{_SMALLEST:.0%} of each side must be left)"
        )
    return found


def _require_left(crop: tuple[int, ...], height: int, width: int) -> None:
    """Raises ValueError for a --crop that leaves too little of frames of this size."""
    top, bottom, left, right = crop
    rows, columns = max(0, height - top - bottom), max(0, width - left - right)
    if min(rows / height, columns / width) < _SMALLEST:
        raise ValueError(
            f"--crop={','.join(map(str, crop))} leaves {columns}x{rows} of {width}x{height} "
            f"pixels; expected TOP,BOTTOM,LEFT,RIGHT that leave at least {_SMALLEST:.0%} of each "
            "side"
        )


def _require_length(source: str, paths: list[pathlib.Path]) -> int:
    """The number of frames. ValueError when there are too few."""
    videos = [path for path in paths if video.is_video(path)]
    if not videos:
        if len(paths) < FEWEST_FRAMES:
            raise ValueError(
                f"{source}: {len(paths)} images; needed are {FEWEST_FRAMES}, in order of time"
            )
        return len(paths)
    clips = [video.probe(path) for path in videos]
    seconds = sum(clip.duration for clip in clips)
    if seconds < FEWEST_SECONDS:
        raise ValueError(
            f"{source}: {seconds:.1f} s long; needed are {FEWEST_SECONDS:.0f} s, and a minute is "
            "better"
        )
    return sum(clip.frames for clip in clips)
