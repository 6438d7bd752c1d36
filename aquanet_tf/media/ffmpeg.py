"""Runs ffmpeg on video files: the one of imageio-ffmpeg, or the system's where that one crashes.

The variable IMAGEIO_FFMPEG_EXE names another ffmpeg, which is then the only one.
"""

from __future__ import annotations

import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator

import imageio_ffmpeg
import numpy as np

# Filter that turns pixels of any shape (anamorphic video) into square ones; the height stays.
SQUARE = ["-vf", r"scale=max(1\,round(iw*sar)):ih,setsar=1"]
_VARIABLE = "IMAGEIO_FFMPEG_EXE"
# The ffmpeg of imageio-ffmpeg is linked statically. In MPEG-TS (.ts, .mts, .m2ts) it converts the
# name of the channel, and is killed by a signal when it loads the system's converters of text.
# Without them it reads such files.
_NO_CONVERTERS = {"GCONV_PATH": "/nonexistent"}
# Last lines of ffmpeg which only say that it has nothing to write.
_ABOUT_OUTPUT = re.compile("Output file|Nothing was written|Conversion failed|At least one output")
# Size of a stream in ffmpeg's description of its input, and that of later frames which differ (of
# ffmpeg 6.1 and later; earlier versions do not tell).
_STREAM = re.compile(r"Stream #.* Video: .*?, (\d+)x(\d+)\b")
_CHANGED = re.compile(r"Reconfiguring filter graph because video parameters .*, (\d+)x(\d+)\b")
# Relative difference of two shapes that rounding does not explain.
_ANOTHER_SHAPE = 0.02
_NETPBM = re.compile(rb"P6\s(\d+)\s(\d+)\s255\s")


def run(path: pathlib.Path, *arguments: str) -> tuple[str, str]:
    """(stdout, stderr) of `ffmpeg -i PATH ARGUMENTS`, all frames as they are in the file.

    ValueError when ffmpeg crashes; its other errors are left to the caller.
    """
    for executable in _executables():
        output = [*_every_frame(executable), *arguments] if arguments else []
        done = subprocess.run(
            [*_start(executable, path), *output],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, **_NO_CONVERTERS},
        )
        if done.returncode >= 0:
            break
    if done.returncode < 0:
        raise ValueError(_crashed(path, executable, done.returncode))
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def frames(path: pathlib.Path) -> Iterator[np.ndarray]:
    """Yields the frames of a video, uint8 [H, W, 3] RGB, upright, with square pixels.

    As many frames as the source shows, whatever its frame rate. ValueError, with the last line of
    ffmpeg, when not one can be decoded, or when ffmpeg crashes; after the last frame when they are
    not all of one shape.
    """
    for executable in _executables():
        code, count = 0, 0
        with tempfile.TemporaryFile() as log:
            command = [*_start(executable, path), *SQUARE, *_every_frame(executable)]
            # rgb24, because videos of more than 8 bits would give PPM files of 16.
            command += ["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-"]
            # A session of its own: control-C ends the command, which then ends ffmpeg.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **_NO_CONVERTERS},
            )
            try:
                while (frame := _next_frame(process.stdout)) is not None:
                    count += 1
                    yield frame
                code = process.wait()
            finally:
                process.stdout.close()
                process.kill()
                process.wait()
            log.seek(0)
            text = log.read().decode(errors="replace")
        if count or code >= 0:
            break
    if code < 0:
        raise ValueError(_crashed(path, executable, code, count))
    if not count:
        raise ValueError(unreadable(path, text))
    _require_one_shape(path, text)


def _require_one_shape(path: pathlib.Path, log: str) -> None:
    """ValueError for a video in which width / height changes. ffmpeg scales all frames to the size
    of the first, which is harmless for those of the same shape and squeezes the others."""
    sizes = _STREAM.findall(log.partition("Output #")[0])
    shapes = [int(width) / int(height) for width, height in sizes]
    for width, height in _CHANGED.findall(log):
        shape = int(width) / int(height)
        if shapes and all(abs(shape / known - 1) > _ANOTHER_SHAPE for known in shapes):
            raise ValueError(
                f"{path}: changes its size from {'x'.join(sizes[0])} to {width}x{height}; split it"
            )


@functools.lru_cache
def _every_frame(executable: str) -> list[str]:
    """Options of the output that neither repeat nor drop frames, for the version of ffmpeg."""
    command = [executable, "-version"]
    text = subprocess.run(command, capture_output=True, check=False).stdout.decode(errors="replace")
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", text)
    old = version and tuple(map(int, version.groups())) < (5, 1)
    return ["-vsync", "0"] if old else ["-fps_mode", "passthrough"]


def unreadable(path: pathlib.Path, log: str) -> str:
    """The message for a file that ffmpeg cannot read: its own last line about it."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    causes = [line for line in lines if not _ABOUT_OUTPUT.search(line)] or lines or ["no frame"]
    cause = causes[-1].replace(f"file:{path}: ", "")[:200]
    return f"{path}: not a readable video (ffmpeg: {cause})"


def _start(executable: str, path: pathlib.Path) -> list[str]:
    # "file:", because a colon in a name would be taken for a protocol.
    return [executable, "-hide_banner", "-nostdin", "-i", f"file:{path}"]


def _executables() -> list[str]:
    """The ffmpegs to try, in order. ValueError when there is none."""
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        if not shutil.which(chosen):
            raise ValueError(f"{_VARIABLE}={chosen}: no such program")
        return [chosen]
    try:
        packaged = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise ValueError(f"no ffmpeg: install it, or set {_VARIABLE}=/path/to/ffmpeg") from error
    system = shutil.which("ffmpeg")
    return [packaged] + ([system] if system and system != packaged else [])


def _crashed(path, executable: str, code: int, count: int = 0) -> str:
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    where = f" after {count} frames" if count else ""
    return (
        f"{path}: {executable} crashed{where} ({name}), which says nothing of the video. Install "
        f"another ffmpeg (apt install ffmpeg), or set {_VARIABLE}=/path/to/ffmpeg"
    )


def _next_frame(stream) -> np.ndarray | None:
    """The next picture of a stream of binary PPM files; None at its end."""
    head = b"".join(stream.readline() for _ in range(3))
    match = _NETPBM.fullmatch(head)
    if not match:
        return None
    width, height = map(int, match.groups())
    data = stream.read(width * height * 3)
    if len(data) < width * height * 3:
        return None
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)
