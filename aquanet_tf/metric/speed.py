"""How fast the car of a clip drove, and so how far it went between two frames."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

import numpy as np

from aquanet_tf import files
from aquanet_tf.media import video

# First columns of a --speed_csv: what the times are counted in.
_COLUMNS = ("time_s", "frame")
_FASTEST = 400.0  # km/h
_KMH = 1 / 3.6  # m/s
_MOST_FPS = 1000.0


class Speed(NamedTuple):
    """Speed of the car over time.

    column: `time_s`, `frame`, or empty for a constant speed. at: [n] ascending, in that unit.
    kmh: [n], NaN where unknown; linear between. fps: frames per second; 0: those of the video.
    """

    column: str
    at: np.ndarray
    kmh: np.ndarray
    fps: float

    def arguments(self) -> dict:
        """What determines the distances, for the report."""
        return {
            "speed": [self.column, *map(str, np.stack([self.at, self.kmh], axis=1).ravel())],
            "fps": self.fps,
        }

    def steps(self, clip: pathlib.Path, scenes: list[list[int]]) -> list[dict[int, float]]:
        """Of each scene of a clip, which is a list of frame numbers: i -> meters from the frame
        numbers[i] to numbers[i + 1]; unknown: left out."""
        seconds = self._seconds(clip, max(map(max, scenes)) + 1)
        speed = self._at(seconds)
        # From every frame of the clip to the next, also those that are not kept.
        meters = 0.5 * (speed[1:] + speed[:-1]) * np.diff(seconds)
        found = []
        for numbers in scenes:
            distances = [meters[a:b].sum() for a, b in zip(numbers, numbers[1:])]
            found.append({i: float(d) for i, d in enumerate(distances) if np.isfinite(d)})
        return found

    def _at(self, seconds: np.ndarray) -> np.ndarray:
        """m/s at every frame, whose times are given; NaN where unknown."""
        if not self.column:
            return np.full(len(seconds), self.kmh[0] * _KMH)
        places = seconds if self.column == "time_s" else np.arange(len(seconds))
        return np.interp(places, self.at, self.kmh * _KMH, left=np.nan, right=np.nan)

    def _seconds(self, clip: pathlib.Path, count: int) -> np.ndarray:
        """Seconds of the first `count` frames. A video is decoded for them, once in all."""
        if self.fps:
            return np.arange(count) / self.fps
        return np.array(video.times(clip)[:count])


def from_options(kmh: float, csv: str, fps: float, clips: list[pathlib.Path]) -> Speed | None:
    """The Speed of --speed_kmh or --speed_csv for `clips`; None without them.

    ValueError names the flag, or the file and its line.
    """
    if kmh and csv:
        raise ValueError("give either --speed_kmh or --speed_csv")
    if not kmh and not csv:
        if fps:
            raise ValueError("--fps is for --speed_kmh and --speed_csv: leave it out")
        return None
    if not 0 <= fps <= _MOST_FPS:
        raise ValueError(f"--fps={fps:g}: expected more than 0, at most {_MOST_FPS:g}")
    if not fps and clips[0].is_dir():
        raise ValueError(
            f"--input={clips[0]}: images have no time stamps: give --fps, their frames per second"
        )
    if csv and len(clips) > 1:
        raise ValueError(
            f"--speed_csv={csv}: describes one clip, --input has {len(clips)}: prepare each by "
            "itself, and train on all of them (--data_dir=A,B)"
        )
    if csv:
        return _read(pathlib.Path(csv), fps)
    if not 0 < kmh <= _FASTEST:
        raise ValueError(f"--speed_kmh={kmh:g}: expected more than 0, at most {_FASTEST:g}")
    return Speed("", np.zeros(1), np.array([kmh]), fps)


def _read(path: pathlib.Path, fps: float) -> Speed:
    """The Speed in a CSV file. ValueError naming file and line."""
    if not path.is_file():
        raise ValueError(f"--speed_csv={path}: no such file")
    lines = files.read_text(path, "replace").splitlines()
    header = [word.strip() for word in lines[0].split(",")] if lines else []
    if header not in [[column, "kmh"] for column in _COLUMNS]:
        raise ValueError(f"{path} line 1: expected the header time_s,kmh or frame,kmh")
    at, kmh = [], []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        where = f"{path} line {number}: {line.strip()[:40]!r}"
        try:
            time, speed = (word.strip() for word in line.split(","))
            at.append(float(time))
            kmh.append(float(speed) if speed else np.nan)
        except ValueError:
            raise ValueError(f"{where}: expected two numbers, or no second one: unknown") from None
        if not np.isfinite(at[-1]) or (len(at) > 1 and at[-1] <= at[-2]):
            raise ValueError(f"{where}: {header[0]} must be larger than in the line before")
        if speed and not 0 <= kmh[-1] <= _FASTEST:
            raise ValueError(f"{where}: kmh must be 0 to {_FASTEST:g}")
    if len(at) < 2 or np.isnan(kmh).all():
        raise ValueError(f"{path}: {len(at)} lines of speed, expected at least two with a speed")
    return Speed(header[0], np.array(at), np.array(kmh), fps)
