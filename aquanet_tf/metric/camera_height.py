"""Meters per unit from the camera's height above the road.

Two passes. The first fits a plane to each frame. Depth of a single image tilts that plane a little,
differently in each frame, and a tilt changes its height much. A camera is mounted firmly, so the
second pass measures heights with the median pitch and roll of the first. A hill or a dip, which
alone looks like a tilt, is no plane at that pitch.
"""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from aquanet_tf import progress
from aquanet_tf.media import images, point_cloud, video
from aquanet_tf.metric import road_plane, summary

# Plausible heights of a camera on a vehicle, meters.
LOWEST, HIGHEST = 0.2, 6.0
# Width in pixels to which maps are thinned out.
_WIDTH = 400
_WHAT = "a road"
# Reasons of the first pass that a wrong tilt may have caused.
_TILTED = (road_plane.STEEP, road_plane.CURVED, road_plane.FEW)


def measure(
    frames: Iterable[tuple[pathlib.Path, np.ndarray]],
    depth: Callable[[np.ndarray], np.ndarray],
    camera: point_cloud.Camera,
    height: float,
    pitch: float | None = None,
    used: Callable[[np.ndarray], np.ndarray] | None = None,
) -> dict:
    """Meters per unit: `height` divided by the height of the camera in units of depth.

    Args:
      frames: (path, image) as `spread` yields them.
      depth: function from an image, uint8 [H, W, 3], to its inverse depth [H, W], relative units,
        which the road is fitted to.
      camera: of the images.
      height: of the camera above the road, meters.
      pitch: of the camera against the road, degrees, positive when it looks down; None: found.
      used: the estimate whose unit is returned, same form as `depth`; None: `depth`.

    Returns what `summary.summarize` does, and the pitch and roll of the camera in degrees. Raises
    ValueError as `check`, and when there is no number, see there.
    """
    check(height, pitch)
    planes, maps, left_out = _first_pass(frames, depth, camera, used)
    unclear = ["no clear plane"] * (len(maps) - len(planes))
    summary.require_enough(len(planes), left_out + unclear, _WHAT)
    if pitch is None:
        pitch = float(np.median([plane.pitch for plane in planes]))
    roll = float(np.median([plane.roll for plane in planes]))
    scales = []
    for grown, points in maps:
        try:
            scales.append(height * grown / road_plane.fit_height(*points, pitch, roll).height)
        except road_plane.NoPlane as error:
            left_out.append(str(error))
    return {**summary.summarize(scales, left_out, _WHAT), "pitch": pitch, "roll": roll}


def check(height: float, pitch: float | None = None) -> None:
    """Raises ValueError, naming the flag, for a height or a pitch that no camera has."""
    if not LOWEST <= height <= HIGHEST:
        raise ValueError(
            f"--camera_height={height:g}: expected meters between {LOWEST:g} and {HIGHEST:g}"
        )
    if pitch is not None and not abs(pitch) <= road_plane.LARGEST_PITCH:
        raise ValueError(
            f"--pitch={pitch:g}: expected degrees, at most {road_plane.LARGEST_PITCH:g}"
        )


def _first_pass(frames, depth, camera, used):
    """Planes of the frames that have a clear one; of all frames that go to the second pass (median
    of `used` / `depth`, (inverse depth, x, y)); reasons of the others."""
    planes, maps, left_out = [], [], []
    rays = _Rays(camera)
    for path, image in progress.bar(frames, desc="road", unit="frame"):
        step = -(-image.shape[1] // _WIDTH)
        values = depth(image)
        parts = (values, *rays(path, *image.shape[:2]))
        points = tuple(part[::step, ::step].astype(np.float32) for part in parts)
        try:
            planes.append(road_plane.fit(*points))
        except road_plane.NoPlane as error:
            if str(error) not in _TILTED:
                left_out.append(str(error))
                continue
        grown = 1.0 if used is None else float(np.median(used(image) / values))
        maps.append((grown, points))
    return planes, maps, left_out


def spread(paths: list[pathlib.Path], count: int) -> Iterator[tuple[pathlib.Path, np.ndarray]]:
    """Yields (path, image) of at most `count` frames, evenly spread over images and videos."""
    lengths = [_length(path) if video.is_video(path) else 1 for path in paths]
    step = max(1, -(-sum(lengths) // count))
    first = 0
    for path, length in zip(paths, lengths):
        if video.is_video(path):
            yield from ((path, f) for f in itertools.islice(video.frames(path), first, None, step))
        elif first == 0:
            yield path, images.read_image(path)
        first = (first - length) % step


def _length(path: pathlib.Path) -> int:
    """Number of frames of a video; counted where its header does not say, as that of a browser."""
    return video.announced(path) or len(video.times(path))


class _Rays:
    """x and y [height, width] of the rays (x, y, 1) of an image's pixels; NaN where there is none.

    Those of the last image are kept: a lens takes time, and all frames of a video share them.
    """

    def __init__(self, camera: point_cloud.Camera):
        self._camera, self._key, self._found = camera, None, None

    def __call__(self, path: pathlib.Path, height: int, width: int) -> tuple[np.ndarray, ...]:
        camera = self._camera.of(path, height, width)
        key = height, width, camera.k.tobytes(), camera.lens
        if key != self._key:
            flat = point_cloud.points(np.ones((height, width)), camera)
            self._key = key
            self._found = tuple(flat[:, i].reshape(height, width) for i in range(2))
        return self._found
