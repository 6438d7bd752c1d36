"""Whether the network that an adaptation starts from sees a road in a video."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aquanet_tf.adaptation.clip import Clip
from aquanet_tf.cameras import camera_file
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.media import inputs
from aquanet_tf.metric import camera_height, road_plane

_FRAMES = 40
# Share of the frames that must show a road, and share of those that must still do so afterwards.
_SMALLEST, _KEPT = 0.1, 0.8


class Seen(NamedTuple):
    """In how many of `count` frames a road was seen, and the reasons of the others."""

    good: int
    count: int
    reasons: dict[str, int]


def look(workdir: str, source: str, clip: Clip, fov_deg: float) -> Seen:
    """Looks for a road in the depth of some frames.

    Args:
        workdir: a run or a release; source: the --input.
        fov_deg: horizontal field of view of the whole frames, degrees, roughly.

    Raises ValueError naming --init_from when `workdir` is no run.
    """
    # TensorFlow is loaded only here, so that errors in flags and files are reported at once.
    from aquanet_tf.inference.checkpoint import Predictor
    from aquanet_tf.runs.run import load_run

    network = Predictor(load_run(workdir, "init_from"))
    reasons: dict[str, int] = {}
    count = good = 0
    x, y = _rays(clip, fov_deg)
    top, _, left, _ = clip.crop
    height, width = clip.shape
    for _, frame in camera_height.spread(list(inputs.paths(source)), _FRAMES):
        image = np.ascontiguousarray(frame[top : top + height, left : left + width])
        count += 1
        try:
            road_plane.fit(network.relative(image).inverse_depth, x, y)
            good += 1
        except road_plane.NoPlane as error:
            reasons[str(error)] = reasons.get(str(error), 0) + 1
    return Seen(good, count, reasons)


def require(seen: Seen, source: str, workdir: str) -> None:
    """Raises ValueError when too few frames show a road: then this is no drive, or of a camera that
    the network cannot start with. source: the --input; workdir: of the network."""
    if seen.good < _SMALLEST * seen.count:
        reasons = "; ".join(f"{reason} ({n})" for reason, n in seen.reasons.items())
        raise ValueError(
            f"{source}: a road was seen in {seen.good} of {seen.count} frames ({reasons}): is "
            f"this a drive, the camera looking ahead? --init_from={workdir} may not know such "
            "scenes"
        )


def warnings(before: Seen, after: Seen) -> list[str]:
    """A warning when the road is seen in clearly fewer frames after the training."""
    if after.good >= _KEPT * before.good:
        return []
    reason = max(after.reasons, key=after.reasons.get)
    return [
        f"the road lost its shape: it is seen in {after.good} of {after.count} frames, before the "
        f"training in {before.good} (now mostly: {reason}). Depth may have become worse: compare "
        "the pictures, and prefer the network that it started from unless ground truth says "
        "otherwise"
    ]


def _rays(clip: Clip, fov_deg: float):
    """x and y [h, w] of the rays of the cropped frames."""
    focal = camera_file.focal_length(fov_deg, clip.width)
    top, _, left, _ = clip.crop
    k = camera_file.centered(focal, (clip.height, clip.width))
    return camera_file.Camera(k - [[0, 0, left], [0, 0, top], [0, 0, 0]], Lens()).rays(clip.shape)
