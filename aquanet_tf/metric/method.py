"""The methods that find the meters of one unit of a network's depth.

Each is opened with its inputs, before a network is loaded, and then measures a network. `measure`
of all methods:

    network   inference.checkpoint.Predictor
    run       runs.run.Run that it was made of
    returns   what `summary.summarize` does; ValueError, too
    words     the method in a few words, for scale.json

Depth has several units. That of one pass at the height of the training images fits ego-motion. The
mean over shifted grids (--grid_shift) and another working height each have a unit of their own. A
scale is for the depth of `network` as it is; what is measured on other depth is converted.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from aquanet_tf.cameras import formats
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.kitti import ground_truth
from aquanet_tf.media import point_cloud
from aquanet_tf.metric import camera_height, distances, ratio


class ByCameraHeight(NamedTuple):
    """By the road in images of a camera whose height is known.

    paths: images and videos. max_frames: largest number of frames, evenly spread. camera: of the
    images; None: that of the run's training images. height: of the camera above the road, meters.
    pitch: against the road in degrees, positive when it looks down; None: found in the images.
    """

    paths: list[pathlib.Path]
    max_frames: int
    camera: point_cloud.Camera | None
    height: float
    pitch: float | None

    @property
    def words(self) -> str:
        return f"camera height {self.height:g} m"

    def measure(self, network, run) -> dict:
        """See the module docstring; the result holds pitch and roll in degrees, too."""
        frames = camera_height.spread(self.paths, self.max_frames)
        fitted, used = inverse_depth_of(network), None
        if run.config.grid_shift:  # the mean over shifted grids bends the road
            fitted, used = inverse_depth_of(network.one_pass(network.height)), fitted
        camera = self.camera or training_camera(run.data)
        return camera_height.measure(frames, fitted, camera, self.height, self.pitch, used)


class ByGroundTruth(NamedTuple):
    """By depth that is known.

    frames: from `kitti.ground_truth.find_frames`. protocol: the pixels that count.
    """

    frames: list[ground_truth.Frame]
    protocol: Protocol

    @property
    def words(self) -> str:
        return f"median ratio to {self.protocol.ground_truth}"

    def measure(self, network, run) -> dict:
        """See the module docstring."""
        del run
        return ratio.measure(self.frames, inverse_depth_of(network), self.protocol)


class ByDistances(NamedTuple):
    """By the meters that the camera traveled between frames, against the run's ego-motion.

    triplets: from `data.traveled.spread`. without: number of triplets without a distance, which
    are not among them. ego_motion: `trajectory.motion.EgoMotion`.
    """

    triplets: Iterable[tuple[Sequence[np.ndarray], Sequence[float]]]
    without: int
    ego_motion: Callable

    @property
    def words(self) -> str:
        return "distances traveled"

    def measure(self, network, run) -> dict:
        """See the module docstring. ValueError, too, in the kick-start, and without PoseNet."""
        _check_depth_is_trained(run)
        motion = self.ego_motion(run)
        return distances.measure(
            self.triplets, lambda pair: next(motion(pair)), self.without, growth(network, run)
        )


def inverse_depth_of(network) -> Callable[[np.ndarray], np.ndarray]:
    """A function from an image, uint8 [H, W, 3], to its inverse depth [H, W], relative units."""
    return lambda image: network.relative(image).inverse_depth


def growth(network, run) -> Callable[[np.ndarray], float]:
    """A function from an image to its inverse depth as the network is used, divided by that of one
    pass at the height of the training images, which ego-motion fits: the median over pixels.

    Measured, because networks follow the rule of --depth_scaling only roughly.
    """
    trained_height = run.data["image_height"]
    if network.height == trained_height and not run.config.grid_shift:
        return lambda image: 1.0
    used = inverse_depth_of(network)
    fitted = inverse_depth_of(network.one_pass(trained_height))
    return lambda image: float(np.median(used(image) / fitted(image)))


def training_camera(data: dict) -> point_cloud.Camera:
    """The camera of a run's training images, of which `data` (`Run.data`) knows size and focal
    length. Its principal point is taken to be the center: that only changes the pitch that is
    found."""
    height, width = data["image_height"], data["image_width"]
    focal = np.array(data["focal"]) * (width, height)
    k = formats.pinhole(*focal, (width - 1) / 2, (height - 1) / 2)
    calibration = formats.Calibration(k, Lens(), (width, height))
    return point_cloud.Camera(calibration, source="the run's camera (else give --intrinsics)")


def _check_depth_is_trained(run) -> None:
    """ValueError in the kick-start, where depth does not have the unit of ego-motion yet."""
    if run.epoch <= run.config.kickstart_epochs:
        raise ValueError(
            f"--checkpoint: after {run.epoch} epochs the run is in its kick-start "
            f"({run.config.kickstart_epochs} epochs): there is no depth yet that ego-motion fits"
        )
