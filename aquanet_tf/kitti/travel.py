"""How far the camera of a drive traveled from frame to frame, in meters.

From the positions of oxts, which its inertial unit has smoothed. PackNet-SfM's code does the same.
Speed times time would need time stamps and gives the length of the path; the positions give its
chord, which is the length of ego-motion. The camera is a meter ahead of the unit, which lengthens
its way by less than one per cent, and only in sharp bends.
"""

from __future__ import annotations

import datetime
import math
import pathlib

import numpy as np

from aquanet_tf import files

# Beside the images of a drive that `data_prep.video` wrote.
FILE = "travel.txt"
_EARTH = 6378137.0  # equatorial radius, meters
# oxts: latitude, longitude (degrees), altitude (meters); velocity forward and leftward, m/s.
_PLACE, _VELOCITY = slice(0, 3), slice(8, 10)
# A position jumps where it moves by more than this from what the speed says: share, and meters.
_JUMP, _NOISE = 0.25, 0.1


def steps(oxts: dict[int, pathlib.Path], times: dict[int, float]) -> dict[int, float]:
    """Frame number -> meters to the next frame, of those pairs that have two sound oxts files.

    oxts: frame -> file. times: frame -> seconds; where both frames have one, a step that differs
    from speed times time is left out, because the position jumped.
    """
    packets = {frame: _packet(path) for frame, path in oxts.items()}
    found = {}
    for frame, packet in packets.items():
        after = packets.get(frame + 1)
        if packet is None or after is None:
            continue
        meters = _distance(packet[_PLACE], after[_PLACE])
        if {frame, frame + 1} <= times.keys():
            speed = 0.5 * sum(np.hypot(*each[_VELOCITY]) for each in (packet, after))
            expected = speed * (times[frame + 1] - times[frame])
            if abs(meters - expected) > max(_NOISE, _JUMP * expected):
                continue
        found[frame] = meters
    return found


def times(drive: pathlib.Path, camera: int) -> dict[int, float]:
    """Frame number -> seconds, from the time stamps of a camera, else of oxts.

    Line n of timestamps.txt is frame n. Lines that hold no time are left out; no file: no times.
    """
    for sensor in (f"image_{camera:02d}", "oxts"):
        path = drive / sensor / "timestamps.txt"
        if path.is_file():
            lines = files.read_text(path, "replace").splitlines()
            found = {frame: _seconds(line) for frame, line in enumerate(lines)}
            return {frame: time for frame, time in found.items() if time is not None}
    return {}


def read(drive: pathlib.Path) -> dict[int, float] | None:
    """The steps of a drive as `write` wrote them; None without such a file.

    ValueError names file and line that are damaged.
    """
    path = drive / FILE
    if not path.is_file():
        return None
    found = {}
    for number, line in enumerate(files.read_text(path, "replace").splitlines(), 1):
        try:
            frame, meters = line.split()
            found[int(frame)] = float(meters)
            if not (math.isfinite(found[int(frame)]) and found[int(frame)] >= 0):
                raise ValueError
        except ValueError:
            raise ValueError(
                f"{path} line {number}: expected a frame number and meters, not {line[:40]!r}"
            ) from None
    return found


def write(drive: pathlib.Path, found: dict[int, float]) -> None:
    """Writes steps (frame number -> meters to the next frame), one per line. OSError names a file
    that cannot be written."""
    with files.named(drive / FILE) as path:
        path.write_text("".join(f"{frame} {step:.6f}\n" for frame, step in found.items()))


def _packet(path: pathlib.Path) -> np.ndarray | None:
    """The numbers of an oxts file; None when it is damaged."""
    try:
        numbers = np.array([float(word) for word in files.read_text(path).split()])
    except (OSError, ValueError):
        return None
    sound = numbers.size > _VELOCITY.stop and np.isfinite(numbers).all()
    return numbers if sound else None


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Meters between two places (latitude, longitude, altitude) that are near each other."""
    north, east = np.radians(b[:2] - a[:2]) * _EARTH
    return float(np.linalg.norm([north, east * np.cos(np.radians(a[0])), b[2] - a[2]]))


def _seconds(line: str) -> float | None:
    """Seconds of `2011-09-26 13:02:25.594360375`; None for anything else."""
    try:
        # Six digits, which is what datetime reads.
        moment = datetime.datetime.strptime(line.strip()[:26], "%Y-%m-%d %H:%M:%S.%f")
    except ValueError:
        return None
    return (moment - datetime.datetime(1970, 1, 1)).total_seconds()
