"""What every opened model offers its callers: `Network`, a function from an image to `Prediction`.

The three forms of a model are in `checkpoint`, `saved_model` and `tflite`. This module imports no
TensorFlow, because a .tflite file runs without it.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import pathlib
from typing import Callable

import numpy as np
from PIL import Image

from aquanet_tf import files
from aquanet_tf.config.rules import MIN_WORKING_SIZE

METADATA = "metadata.json"
# An image wider than so many times its height is refused where the network would see more than so
# many pixels of it: memory may not hold what a small file asks for.
MAX_ASPECT, MAX_STRIP = 32, 1_000_000


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The maps of one image, each [H, W] at the image's size.

        >>> import numpy as np
        >>> prediction = Prediction(np.full((2, 3), 0.05, np.float32), np.ones((2, 3), np.float32))
        >>> prediction
        Prediction(2x3 pixels, depth 20 to 20 relative)
        >>> prediction.depth.dtype
        dtype('float32')

    Attributes:
      inverse_depth: float32, the paper's disparity; larger is nearer. In 1 / `unit`.
      beta: float32, the network's quantization parameter of each pixel (Eq. 4).
      unit: unit of depth: "meters" where the model knows its scale, else "relative": depth up to
        one unknown factor, which is the same for all images of a camera.
      find_moving: computes `moving`; None where the model cannot.
    """

    inverse_depth: np.ndarray
    beta: np.ndarray
    unit: str = "relative"
    find_moving: Callable[[], np.ndarray] | None = None

    @property
    def depth(self) -> np.ndarray:
        """float32 [H, W], 1 / inverse_depth, in `unit`: distance along the optical axis."""
        return 1.0 / self.inverse_depth

    @functools.cached_property
    def moving(self) -> np.ndarray:
        """bool [H, W]: True where the pixel likely moves (SPIMO, Eq. 7).

        Computed on first access, by SPIMO's passes of the network. Only stage-1 networks
        learn what it reads, see `spimo.readable`. ValueError unless the model `has_moving`.
        """
        if self.find_moving is None:
            raise ValueError("this prediction has no `moving`: its model cannot tell")
        return self.find_moving()

    def __repr__(self) -> str:
        height, width = self.inverse_depth.shape
        near, far = self.depth.min(), self.depth.max()
        return f"Prediction({height}x{width} pixels, depth {near:.3g} to {far:.3g} {self.unit})"


class Network(abc.ABC):
    """A depth network that takes RGB images of any size: `prediction = network(image)`.

    `aquanet_tf.inference.open_model` makes one from a path.

    Attributes:
      kind: "checkpoint", "saved_model" or "tflite".
      height: working height in pixels: images are resized to it, and maps back.
      grid_shift: shift of the grids that depth is averaged over; 0: one pass.
      epoch: finished epochs of the run that the model comes from.
      inverse_depth_max: upper bound of inverse depth, relative units.
      beta_max: upper bound of beta; its lower bound is 1 / beta_max.
      metres_per_unit: meters of one relative unit of depth: 1 for a run trained in meters
        (--speed_weight); None where nobody knows it. May be set: predictions are then in meters.
      has_moving: whether predictions have `moving`.
      memory_errors: what `maps` and `moving` raise when memory does not suffice.
      tolerance: largest distance to the checkpoint that the export was allowed, see
        `export.parity`; None for a checkpoint itself.
    """

    kind: str
    height: int
    grid_shift: float
    epoch: int
    inverse_depth_max: float
    beta_max: float
    metres_per_unit: float | None = None
    has_moving: bool = False
    memory_errors: tuple[type[Exception], ...] = (MemoryError,)
    tolerance: dict[str, float] | None = None

    @abc.abstractmethod
    def maps(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [B, H, W, 3] -> float32 [B, H, W] each: `inverse_depth` (relative units), `beta`,
        and whatever else the model returns."""

    def prepared(self, image: np.ndarray) -> np.ndarray:
        """`image` [H, W, 3] as the network itself will see it: resized where its size is fixed."""
        return image

    def check_size(self, height: int, width: int) -> None:
        """ValueError for an image that `working_pixels` refuses."""
        working_pixels(height, width, self.height)

    def __call__(self, image: np.ndarray) -> Prediction:
        """Depth of one image, in meters where the model knows its scale (`metres_per_unit`).

        image: [H, W, 3] RGB, uint8 or floating point in [0, 1] (rounded to 8 bits, as every form
        of a model takes). Raises ValueError for anything else, for an image that `check_size`
        refuses or memory does not hold, and when the network returns NaN.
        """
        prediction = self.relative(image)
        if not self.metres_per_unit:
            return prediction
        inverse_depth = (prediction.inverse_depth / self.metres_per_unit).astype(np.float32)
        return dataclasses.replace(prediction, inverse_depth=inverse_depth, unit="meters")

    def relative(self, image: np.ndarray) -> Prediction:
        """As a call, but in the network's own units whatever `metres_per_unit` is: inverse depth
        lies in [d_min, d_max]."""
        image = as_uint8(image)
        self.check_size(*image.shape[:2])
        maps = self._in_memory(self.maps, image[None])
        inverse_depth, beta = maps["inverse_depth"][0], maps["beta"][0]
        if not np.isfinite(inverse_depth).all():
            raise ValueError("the network returned NaN or infinity: has the training diverged?")
        find = functools.partial(self._in_memory, self.moving, image) if self.has_moving else None
        # The units of a run that learned in meters are meters.
        unit = "meters" if self.metres_per_unit == 1 else "relative"
        return Prediction(inverse_depth, beta, unit, find_moving=find)

    def moving(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] -> bool [H, W]: True where the pixel likely moves (SPIMO, Eq. 7).

        Raises ValueError unless `has_moving`.
        """
        self.require_moving()
        raise NotImplementedError(f"{type(self).__name__} has no method `moving`")

    def _in_memory(self, function, image: np.ndarray):
        """function(image); ValueError when memory does not suffice."""
        try:
            return function(image)
        except self.memory_errors as error:
            height, width = image.shape[-3:-1]
            raise ValueError(
                f"{width}x{height} pixels: not enough memory for the network; make the picture "
                "smaller, or give a smaller --height"
            ) from error

    def require_moving(self) -> None:
        """ValueError with the remedy unless `has_moving`."""
        if not self.has_moving:
            raise ValueError(
                f"this {self.kind} cannot tell what moves (--write=moving), it holds depth alone: "
                "give the workdir of a stage-1 run, or a SavedModel with the signature "
                "moving_objects"
            )

    def __repr__(self) -> str:
        unit = "meters" if self.metres_per_unit else "relative"
        return (
            f"<{type(self).__name__}: {self.kind} of epoch {self.epoch}, working height "
            f"{self.height}, depth {unit}>"
        )


def working_pixels(height: int, width: int, working_height: int) -> int:
    """Number of pixels that a network sees of an image of height x width, which it resizes to its
    working height.

    Raises ValueError for an image wider than MAX_ASPECT times its height of which the network would
    see more than MAX_STRIP pixels.
    """
    working_width = max(MIN_WORKING_SIZE, round(working_height * width / height))
    pixels = working_height * working_width
    if width > MAX_ASPECT * height and pixels > MAX_STRIP:
        raise ValueError(
            f"{width}x{height} pixels are more than {MAX_ASPECT} times as wide as high, and "
            f"{working_width}x{working_height} at the network's working height, which needs far "
            "more memory than the picture; cut it"
        )
    return pixels


def as_uint8(image: np.ndarray) -> np.ndarray:
    """An RGB image [H, W, 3], uint8 or floating point in [0, 1], as uint8.

    >>> import numpy as np
    >>> as_uint8(np.ones((1, 1, 3)))
    array([[[255, 255, 255]]], dtype=uint8)

    Raises ValueError that says what is wrong with the shape, the type or the range.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image of shape {image.shape}: expected one RGB image [H, W, 3]")
    if image.dtype == np.uint8:
        return image
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"image of type {image.dtype}: expected uint8, or float in [0, 1]")
    low, high = image.min(), image.max()
    if not (low >= 0 and high <= 1):
        raise ValueError(f"float image with values {low:g} to {high:g}: expected 0 to 1")
    return np.round(image * 255).astype(np.uint8)


def read_metadata(network: Network, path: pathlib.Path) -> dict:
    """Fills the attributes of `network` from the JSON file that its export wrote, and returns the
    file's content. Raises ValueError that names a missing or damaged file."""
    metadata = files.read(path)
    try:
        network.height = metadata["working_height"]
        # Absent: one pass.
        network.grid_shift = float(metadata.get("grid_shift", 0.0))
        network.epoch = metadata["epoch"]
        network.inverse_depth_max = metadata["inverse_depth_range"][1]
        network.beta_max = metadata["beta_max"]
        network.metres_per_unit = metadata["metres_per_unit"]
        network.tolerance = metadata["parity"]["tolerance"]
    except KeyError as error:
        raise ValueError(f"{path}: damaged, no {error}; export the model again") from error
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({error}); export the model again") from error
    return metadata


def resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map or an image, [h, w] or uint8 [h, w, 3], at another size (bilinear)."""
    if values.shape[:2] == (height, width):
        return values
    return np.asarray(Image.fromarray(values).resize((width, height), Image.BILINEAR))
