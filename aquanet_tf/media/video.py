"""Video files in and out, by the ffmpeg that the package imageio-ffmpeg brings."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import imageio_ffmpeg
import numpy as np

from aquanet_tf import files

EXTENSIONS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


class Clip(NamedTuple):
    """Size in pixels as displayed, frames a second, number of frames."""

    height: int
    width: int
    fps: float
    frames: int


def is_video(path: pathlib.Path) -> bool:
    """Whether the file's name says video."""
    return path.suffix.lower() in EXTENSIONS


def probe(path: pathlib.Path) -> Clip:
    """Reads what a file holds (decodes it once, to count). ValueError when it is no video."""
    with _reading(path):
        reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24")
        meta = next(reader)
        reader.close()
        count, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    width, height = meta["size"]
    return Clip(height, width, float(meta["fps"]), count)


def announced(path: pathlib.Path) -> int:
    """About how many frames the file says that it has; 0 when it does not. Nothing is decoded.
    ValueError when it is no video."""
    with _reading(path):
        reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24")
        meta = next(reader)
        reader.close()
        return round(meta.get("duration", 0) * meta["fps"])


def frames(path: pathlib.Path) -> Iterator[np.ndarray]:
    """uint8 [H, W, 3] RGB, one frame after another. ValueError when it is no video."""
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
    """A function that appends a frame [height, width, 3] to an H.264 file, which appears under
    its name when the block ends well. An odd side gets one more row or column (the format's)."""
    even = (height + height % 2, width + width % 2)
    padding = ((0, even[0] - height), (0, even[1] - width), (0, 0))
    with files.atomic(path) as temporary:
        writer = imageio_ffmpeg.write_frames(
            str(temporary),
            even[::-1],
            fps=fps,
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
    # What the package raises for a file that is no video, depending on the damage.
    except (OSError, RuntimeError, StopIteration, KeyError, IndexError, TypeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(f"{path}: not a readable video ({reason[0][:120]})") from error
