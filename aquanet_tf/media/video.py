"""Reads and writes video files with ffmpeg."""

from __future__ import annotations

import contextlib
import fractions
import pathlib
import re
import statistics
from collections.abc import Iterator
from typing import NamedTuple

import imageio_ffmpeg
import numpy as np

from aquanet_tf import files
from aquanet_tf.media import ffmpeg

EXTENSIONS = (
    *(".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"),
    *(".ts", ".mts", ".m2ts", ".3gp", ".wmv", ".flv", ".ogv"),
)
# Frames per second where the file says nothing and has one frame only.
DEFAULT_FPS = 25.0
# Formats whose header counts the duration from time 0 on, not from the first frame: .mkv and .webm,
# .wmv. A recording that was cut out of a longer one may begin late.
_FROM_ZERO = re.compile(r"Input #0, (matroska|asf)\b")


class Clip(NamedTuple):
    """Size in pixels as displayed (upright, square pixels), frames per second, number of frames.

    fps: number of frames divided by the duration. A video of varying frame rate, written again
    with this rate, has as many frames and lasts as long.
    """

    height: int
    width: int
    fps: float
    frames: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.fps


def is_video(path: pathlib.Path) -> bool:
    """Whether the file name has the ending of a video."""
    return path.suffix.lower() in EXTENSIONS


def size(path: pathlib.Path) -> tuple[int, int]:
    """(height, width) in pixels of the frames of a video, of which the first is decoded. ValueError
    when it is no video."""
    with contextlib.closing(frames(path)) as stream:
        return next(stream).shape[:2]


def probe(path: pathlib.Path) -> Clip:
    """Size and length of a video, decoded once to count. ValueError when it is no video."""
    height, width = size(path)
    stamps, log = _stamps(path)
    return Clip(height, width, _rate(stamps, *_header(log)), len(stamps))


def times(path: pathlib.Path) -> list[float]:
    """Seconds from the first frame to each that `frames` yields. ValueError when it is no video."""
    _check_exists(path)
    stamps, _ = _stamps(path)
    return [stamp - stamps[0] for stamp in stamps]


def announced(path: pathlib.Path) -> int:
    """Number of frames according to the file's header, approximately; 0 when it does not say.

    Nothing is decoded. Raises ValueError when the file is no video.
    """
    _check_exists(path)
    _, log = ffmpeg.run(path)
    if " Video: " not in log:
        raise ValueError(ffmpeg.unreadable(path, log))
    seconds, fps = _header(log)
    return round(seconds * fps)


def frames(path: pathlib.Path) -> Iterator[np.ndarray]:
    """Yields the frames, uint8 [H, W, 3] RGB: each one that the file shows, once.

    Rotated videos are turned upright; pixels that are not square (anamorphic video) are made so,
    by another width. ValueError when the file is no video.
    """
    _check_exists(path)
    yield from ffmpeg.frames(path)


@contextlib.contextmanager
def writing(path: pathlib.Path, height: int, width: int, fps: float, comment: str):
    """Context with a function that appends one frame, uint8 [height, width, 3], to an H.264 file.

    The file appears as `path` when the block ends without an error. H.264 needs even sizes: an odd
    side gets one more row or column.

    Args:
      path: the file, .mp4.
      height, width: size of the frames in pixels.
      fps: frames per second, of any size; n frames last n / fps seconds.
      comment: text in the file's metadata.
    """
    even = (height + height % 2, width + width % 2)
    padding = ((0, even[0] - height), (0, even[1] - width), (0, 0))
    with files.atomic(path) as temporary:
        writer = imageio_ffmpeg.write_frames(
            # A relative path with a colon would be the name of a protocol.
            str(temporary.absolute()),
            even[::-1],
            # The package rounds the rate to two digits, which changes how long a slow clip is.
            input_params=["-r", str(fractions.Fraction(fps).limit_denominator(100_000))],
            fps=max(fps, 1.0),
            codec="libx264",
            quality=8,
            macro_block_size=1,
            # As a warning it says that -r is given twice: by `fps`, too.
            ffmpeg_log_level="error",
            output_params=[
                *("-f", "mp4", "-movflags", "+faststart", "-metadata", f"comment={comment}")
            ],
        )
        writer.send(None)

        def append(frame):
            writer.send(np.ascontiguousarray(np.pad(frame, padding, "edge")))

        with contextlib.closing(writer):
            yield append


def _stamps(path: pathlib.Path) -> tuple[list[float], str]:
    """Time stamps of the decoded frames in seconds, and the log of ffmpeg."""
    options = ("-enc_time_base", "-1", "-f", "mkvtimestamp_v2", "-")
    listed, log = ffmpeg.run(path, "-an", "-sn", "-dn", *options)
    stamps = [float(line) / 1000 for line in listed.splitlines() if line and line[0] != "#"]
    if not stamps:
        raise ValueError(ffmpeg.unreadable(path, log))
    return stamps, log


def _header(log: str) -> tuple[float, float]:
    """Seconds from the first frame on and frames per second, in ffmpeg's description of its input;
    0: not said."""
    start = log.partition("Output #")[0]
    time = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", start)
    hours, minutes, seconds = map(float, time.groups()) if time else (0, 0, 0)
    seconds += 3600 * hours + 60 * minutes
    if _FROM_ZERO.search(start) and (late := re.search(r"Duration: .*, start: ([\d.]+)", start)):
        seconds = max(0.0, seconds - float(late[1]))
    fps = re.search(r"Stream .* Video: .*?([\d.]+) fps", start)
    return seconds, float(fps[1]) if fps else 0.0


def _rate(times: list[float], seconds: float, fps: float) -> float:
    """Frames per second: their number divided by the duration.

    times: time stamps of the frames, seconds. seconds, fps: what the header says, 0 for nothing;
    both count only where they agree with the time stamps.
    """
    gaps = [after - before for before, after in zip(times, times[1:])]
    shown = times[-1] - times[0]
    if not gaps or shown <= 0:
        return fps or (len(times) / seconds if seconds else DEFAULT_FPS)
    # The last frame has no next one: it lasts as long as the file, or as a usual frame.
    last = seconds - shown
    if not 0 < last <= 1.1 * max(gaps):
        last = statistics.median(gaps)
    steady = max(gaps) - min(gaps) < 0.0025  # seconds: the time stamps are rounded to 1 ms
    if steady and fps and abs(len(times) / fps - shown - last) < last:
        return fps
    return len(times) / (shown + last)


def _check_exists(path: pathlib.Path) -> None:
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
