"""Checks one record: parses it, decodes its frames, tests K, and collects its statistics."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf
from PIL import Image

from aquanet_tf.cameras import camera_file
from aquanet_tf.data import records
from data_prep.dataset import thumbnails


@dataclasses.dataclass
class Finding:
    """One record: its problems (empty: none), and its contents as far as they could be read."""

    problems: list[str]
    key: str = ""
    drive: str = ""
    camera: int = -1
    size: tuple[int, int] | None = None
    fields_of_view: tuple[float, float] | None = None  # horizontal, vertical, degrees
    brightness: float | None = None  # mean of the target frame, 0..255
    change: float | None = None  # mean difference of neighbors, 0..255 (the smaller of the two)
    distances: tuple[float, ...] = ()  # meters to the neighbors, those that are known
    frames: np.ndarray | None = None  # uint8 [3, h, w, 3], only if asked for


def inspect(data: bytes, image_format: str, keep_frames: bool = False) -> Finding:
    """Parses one serialized record, decodes its frames and checks K. Never raises for bad data."""
    try:
        fields = {name: value.numpy() for name, value in records.parse(data).items()}
    except tf.errors.OpError as error:
        return Finding([f"not a record: {_line(error.message)}"])
    except UnicodeDecodeError:  # raised where TensorFlow quotes the data in its message
        return Finding(["not a record: Could not parse example input"])
    finding = Finding(
        [],
        key=fields["key"].decode("utf-8", "replace"),
        drive=fields["drive"].decode("utf-8", "replace"),
        camera=int(fields["camera"]),
        size=(int(fields["height"]), int(fields["width"])),
    )
    _check_intrinsics(finding, fields["intrinsics"])
    _check_order(finding, fields["frame_ids"])
    _check_distances(finding, fields["distances"])
    _check_frames(finding, fields, image_format, keep_frames)
    return finding


def camera_problem(k: np.ndarray, size: tuple[int, int]) -> str | None:
    """What is wrong with K [3, 3] for images of `size` (height, width) in pixels; None: nothing.

    K must be finite and upper triangular, with the last row (0, 0, 1), a field of view of 3 to 170
    degrees in both directions, and the principal point inside the image.
    """
    height, width = size
    text = f"K {np.array2string(k.ravel(), precision=4, separator=', ')}".replace("\n", "")
    if not np.isfinite(k).all():
        return f"{text} is not finite"
    if k[1, 0] != 0 or tuple(k[2]) != (0, 0, 1) or k[0, 0] <= 0 or k[1, 1] <= 0:
        return f"{text} is not a camera matrix"
    low, high = camera_file.FIELD_OF_VIEW
    angles = fields_of_view(k, size)
    if not all(low <= angle <= high for angle in angles):
        return f"{text}: {angles[0]:.1f} x {angles[1]:.1f} degrees of view for {height}x{width}"
    if not (0 <= k[0, 2] <= width - 1 and 0 <= k[1, 2] <= height - 1):
        return f"{text}: the principal point is outside {height}x{width}"
    return None


def fields_of_view(k: np.ndarray, size: tuple[int, int]) -> tuple[float, float]:
    """Horizontal and vertical field of view in degrees, for images of `size` (height, width)."""
    pairs = (size[1], k[0, 0]), (size[0], k[1, 1])
    return tuple(camera_file.field_of_view(focal, pixels) for pixels, focal in pairs)


def _check_intrinsics(finding: Finding, k: np.ndarray) -> None:
    if problem := camera_problem(k, finding.size):
        finding.problems.append(problem)
    if np.isfinite(k).all() and k[0, 0] > 0 and k[1, 1] > 0:
        finding.fields_of_view = fields_of_view(k, finding.size)


def _check_order(finding: Finding, frame_ids: np.ndarray) -> None:
    before, target, after = map(int, frame_ids)
    if not before < target < after or target - before != after - target:
        finding.problems.append(f"frames {before}, {target}, {after} are not evenly spaced")


def _check_distances(finding: Finding, distances: np.ndarray) -> None:
    known = [float(meters) for meters in distances if meters != records.UNKNOWN]
    if not all(math.isfinite(meters) and meters >= 0 for meters in known):
        finding.problems.append(f"distances {distances.tolist()} are not in meters")
    finding.distances = tuple(meters for meters in known if meters > 0)


def _check_frames(finding: Finding, fields: dict, image_format: str, keep: bool) -> None:
    frames = []
    for name in records.FRAMES:
        try:
            frame = records.decode(fields[name], image_format).numpy()
        except tf.errors.OpError as error:
            finding.problems.append(f"{name} frame cannot be decoded: {_line(error.message)}")
            continue
        if frame.shape[:2] != finding.size:
            found, said = ("{}x{}".format(*size) for size in (frame.shape, finding.size))
            finding.problems.append(f"{name} frame is {found}, the record says {said}")
            continue
        frames.append(frame)
    if len(frames) < len(records.FRAMES):
        return
    small = [thumbnails.gray(Image.fromarray(f)).astype(np.float32) for f in frames]
    finding.brightness = float(small[1].mean())
    finding.change = min(float(np.abs(other - small[1]).mean()) for other in (small[0], small[2]))
    if keep:
        finding.frames = np.stack(frames)


def _line(message: str) -> str:
    """The part of TensorFlow's message that is about the data."""
    message = message.split("}} ")[-1].split(", value:")[0].split(" [Op:")[0]
    return message.strip().splitlines()[0] if message.strip() else "unknown error"
