"""Reads and writes video files with the ffmpeg of the package imageio-ffmpeg."""

from __future__ import annotations

import contextlib
import fractions
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import imageio_ffmpeg
import numpy as np

from aquanet_tf import files

EXTENSIONS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


class Clip(NamedTuple):
    """Size in pixels as displayed, frames per second, number of frames."""

    height: int
    width: int
    fps: float
    frames: int


def is_video(path: pathlib.Path) -> bool:
    """Whether the file name has the ending of a video."""
    return path.suffix.lower() in EXTENSIONS


def probe(path: pathlib.Path) -> Clip:
    """Size and length of a video, decoded once to count. ValueError when it is no video."""
    with _reading(path):
        reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24")
        meta = next(reader)
        reader.close()
        count, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    width, height = meta["size"]
    return Clip(height, width, float(meta["fps"]), count)


def announced(path: pathlib.Path) -> int:
    """Number of frames according to the file's header, approximately; 0 when it does not say.

    Nothing is decoded. Raises ValueError when the file is no video.
    """
    with _reading(path):
        reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24")
        meta = next(reader)
        reader.close()
        return round(meta.get("duration", 0) * meta["fps"])


def frames(path: pathlib.Path) -> Iterator[np.ndarray]:
    """Yields the frames, uint8 [H, W, 3] RGB. ValueError when the file is no video."""
    with _reading(path):
        reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24")
        width, height = next(reader)["size"]
        try:
            for data in reader:
                yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
        finally:
            reader.close()


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
            output_params=[
                *("-f", "mp4", "-movflags", "+faststart", "-metadata", f"comment={comment}")
            ],
        )
        writer.send(None)

        def append(frame):
            writer.send(np.ascontiguousarray(np.pad(frame, padding, "edge")))

        with contextlib.closing(writer):
            yield append


@contextlib.contextmanager
def _reading(path):
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        yield
    # The package raises any of these for damaged files.
    except (OSError, RuntimeError, StopIteration, KeyError, IndexError, TypeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(f"{path}: not a readable video ({reason[0][:120]})") from error
