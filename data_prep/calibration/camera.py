"""From reconstructions to a camera file, or to the reason why there is none."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aquanet_tf.cameras import camera_file
from aquanet_tf.cameras.lens import Lens
from data_prep.calibration.keyframes import FEWEST
from data_prep.calibration.structure import Model

# A reconstruction of fewer of the frames has not found how they belong together.
_SHARE = 0.8
# A larger standard deviation of the focal length means that the images do not determine it.
_DEVIATION = 0.04
# Halves of the drive whose focal lengths differ by more than this share, and by more than three of
# their standard deviations, contradict each other.
_DIFFERENCE = 0.1
# Fields of view of cameras in cars, degrees.
_FIELD_OF_VIEW = (15.0, 150.0)
# A lens that moves the corner of a frame by less than this share of its distance from the middle is
# within the error of k1, and counts as none.
_STRAIGHT = 0.02
# What to do where a drive does not show its camera.
ADVICE = (
    "Give a drive with turns past near things (not a motorway), by day, and cut off the hood and "
    "burnt-in text with --crop; or use --fov_deg of data_prep.video"
)


class Camera(NamedTuple):
    """The camera of a drive, in pixels of its frames.

    shape: (height, width) of the frames. model: the reconstruction that it is from, whose pixels
    are `scale` times as large. halves: reconstructions of the first and the second half of the
    frames. chosen: number of frames that were given.
    """

    shape: tuple[int, int]
    model: Model
    halves: tuple[Model, ...]
    scale: float
    chosen: int

    @property
    def focal(self) -> float:
        """Focal length."""
        return self.model.focal * self.scale

    @property
    def field_of_view(self) -> float:
        """Horizontal field of view without distortion, degrees."""
        return camera_file.field_of_view(self.focal, self.shape[1])

    @property
    def uncertainty(self) -> float:
        """Standard deviation of the focal length, as a share of it."""
        return self.model.deviation / self.model.focal

    @property
    def distortion(self) -> list[float]:
        """k1, k2, p1, p2 of the lens; empty where it moves the corners of a frame by less than 2 %
        of their distance from the middle."""
        moved = abs(self.model.radial) * self._corner**2
        return [round(self.model.radial, 5), 0.0, 0.0, 0.0] if moved > _STRAIGHT else []

    @property
    def folds(self) -> bool:
        """Whether the corners lie where the model of the lens has no ray: it bends more than one
        coefficient can say."""
        ray = Lens(coefficients=tuple(self.distortion)).undistort(np.array([self._corner]), 0.0)
        return bool(np.isnan(ray[0]).any())

    @property
    def _corner(self) -> float:
        """Distance of the corner of a frame from the middle, in focal lengths."""
        return math.hypot(*self.shape) / 2 / self.focal

    def check(self) -> None:
        """Raises ValueError that says why this is not the camera."""
        near, far = _FIELD_OF_VIEW
        if self.model.frames < max(FEWEST, _SHARE * self.chosen):
            reason = (
                f"only {self.model.frames} of {self.chosen} frames fit together with one camera"
            )
        elif not math.isfinite(self.uncertainty):
            reason = "the images fit any focal length alike"
        elif not self.uncertainty < _DEVIATION:
            reason = f"the focal length is uncertain by {self.uncertainty:.0%}"
        elif not near < self.field_of_view < far:
            reason = f"the result has a field of view of {self.field_of_view:.0f} degrees"
        elif differing := [half for half in self.halves if self._contradicts(half)]:
            other = differing[0].focal * self.scale
            reason = f"half of the drive has a focal length of {other:.0f} px, all {self.focal:.0f}"
        else:
            return
        raise ValueError(f"{reason}: this drive does not show its camera. {ADVICE}")

    def _contradicts(self, half: Model) -> bool:
        """Whether a half of the drive shows another camera; one that shows none does not."""
        difference = abs(half.focal - self.model.focal)
        return difference > max(_DIFFERENCE * self.model.focal, 3 * half.deviation)

    def values(self) -> dict:
        """The content of the camera file (`cameras.camera_file`)."""
        height, width = self.shape
        found = {
            "fx": round(self.focal, 3),
            "fy": round(self.focal, 3),
            "cx": (width - 1) / 2,
            "cy": (height - 1) / 2,
            "width": width,
            "height": height,
        }
        if self.distortion:
            found["distortion"] = self.distortion
        found["calibrated"] = {
            "focal_std_percent": round(100 * self.uncertainty, 2),
            "frames": self.model.frames,
            "reprojection_error_pixels": round(self.model.error * self.scale, 3),
        }
        return found

    def text(self) -> str:
        """One line for the terminal."""
        lens = f", k1 {self.model.radial:.3f}" if self.distortion else ", no distortion"
        return (
            f"focal length {self.focal:.1f} px of {self.shape[1]}x{self.shape[0]} (standard "
            f"deviation {self.uncertainty:.1%}), field of view {self.field_of_view:.0f} degrees"
            f"{lens}; {self.model.frames} of {self.chosen} frames"
        )
