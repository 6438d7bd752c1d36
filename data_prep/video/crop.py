"""Cuts a fixed margin off every frame: hood, burnt-in text, letterbox."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aquanet_tf.cameras.camera_file import Camera
from aquanet_tf.media import inputs

_SMALLEST = 32  # pixels


class Crop(NamedTuple):
    """Pixels cut off each side of the frames, as they are decoded: upright, with square pixels."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """(height, width) that is left of frames of `shape`. ValueError when that is too little."""
        height, width = shape[0] - self.top - self.bottom, shape[1] - self.left - self.right
        if min(height, width) < _SMALLEST:
            raise ValueError(
                f"--crop={','.join(map(str, self))} leaves {max(width, 0)}x{max(height, 0)} of "
                f"{shape[1]}x{shape[0]} pixels; expected TOP,BOTTOM,LEFT,RIGHT that leave at least "
                f"{_SMALLEST} of each side"
            )
        return height, width

    def frame(self, frame: np.ndarray) -> np.ndarray:
        """The part of a frame [H, W, C] that is kept."""
        height, width = self.shape(frame.shape[:2])
        return frame[self.top : self.top + height, self.left : self.left + width]

    def camera(self, camera: Camera) -> Camera:
        """The camera of the cropped frames: the principal point moves, nothing else changes."""
        moved = np.array([[0, 0, self.left], [0, 0, self.top], [0, 0, 0]])
        return camera._replace(k=camera.k - moved)

    def shown(self, frame: np.ndarray) -> np.ndarray:
        """A frame, uint8 [H, W, 3], in which the part that is cut off is dark."""
        picture = frame // 4
        self.frame(picture)[...] = self.frame(frame)
        return picture


NO_CROP = Crop()


def parse(values) -> Crop:
    """The Crop of the four numbers of --crop, or of none. ValueError naming the flag."""
    return Crop(*inputs.margins(values))
