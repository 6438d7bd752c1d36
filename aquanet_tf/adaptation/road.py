"""Whether the network that an adaptation starts from sees a road in a video."""

from __future__ import annotations

import numpy as np

from aquanet_tf.adaptation import recipe
from aquanet_tf.adaptation.clip import Clip
from aquanet_tf.media import inputs
from aquanet_tf.metric import camera_height, road_plane

_FRAMES = 40
# Share of the frames that must show a road.
_SMALLEST = 0.1


def require(workdir: str, source: str, seen: Clip, fov_deg: float) -> recipe.Source:
    """The run to start from. Raises ValueError when it sees no road in enough frames: then this is
    no drive, or of a camera that this network cannot start with.

    Args:
        workdir: a run or a release; source: the --input.
        fov_deg: horizontal field of view of the whole frames, degrees, roughly.
    """
    # TensorFlow is loaded only here, so that errors in flags and files are reported at once.
    from aquanet_tf.inference.checkpoint import Predictor
    from aquanet_tf.runs.run import load_run

    run = load_run(workdir, "init_from")
    network = Predictor(run)
    paths = list(inputs.paths(source))
    reasons: dict[str, int] = {}
    count = good = 0
    x, y = _rays(seen, fov_deg)
    top, _, left, _ = seen.crop
    height, width = seen.shape
    for _, frame in camera_height.spread(paths, _FRAMES):
        image = np.ascontiguousarray(frame[top : top + height, left : left + width])
        count += 1
        try:
            road_plane.fit(network.relative(image).inverse_depth, x, y)
            good += 1
        except road_plane.NoPlane as error:
            reasons[str(error)] = reasons.get(str(error), 0) + 1
    if good < _SMALLEST * count:
        told = "; ".join(f"{reason} ({n})" for reason, n in reasons.items())
        raise ValueError(
            f"{source}: a road was seen in {good} of {count} frames ({told}): is this a drive, "
            f"with the camera looking ahead? --init_from={workdir} may not know such scenes"
        )
    return recipe.source(workdir, run.posenet_checkpoint is not None)


def _rays(seen: Clip, fov_deg: float):
    """x and y [h, w] of the rays of the cropped frames."""
    focal = 0.5 * seen.width / np.tan(np.radians(fov_deg) / 2)
    top, _, left, _ = seen.crop
    rows, columns = np.mgrid[: seen.shape[0], : seen.shape[1]]
    x = (columns + left - (seen.width - 1) / 2) / focal
    y = (rows + top - (seen.height - 1) / 2) / focal
    return x, y
