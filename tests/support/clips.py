"""Small videos, as cameras and other programs make them."""

import subprocess

import imageio_ffmpeg

REAL = imageio_ffmpeg.get_ffmpeg_exe()


def make(path, *options, size="64x48", seconds=2.0, rate=20):
    """A test picture with a clock, encoded with `options`; returns path."""
    source = f"testsrc=s={size}:r={rate}:d={seconds}"
    _run("-f", "lavfi", "-i", source, *options, f"file:{path}")
    return path


def varying(path, *options):
    """24 frames in 3.65 s, three of every ten: no frame rate describes them; returns path."""
    frames = ("-vf", "select='lt(mod(n,10),3)'", "-fps_mode", "vfr")
    return make(path, *frames, *options, seconds=4)


def wrong(path):
    """An .avi of 40 frames in 2 s whose header says 60 frames a second; returns path."""
    right = make(path.with_name(f".{path.name}"), "-c:v", "mjpeg", "-f", "avi")
    _run("-i", right, "-c", "copy", "-r", "60", path)
    right.unlink()
    return path


def _run(*arguments):
    subprocess.run([REAL, "-v", "error", "-y", *map(str, arguments)], check=True)
