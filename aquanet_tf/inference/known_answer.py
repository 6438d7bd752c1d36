"""What a released network must answer to the image that comes with it: known_answer.json."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

from aquanet_tf import files
from aquanet_tf.inference.network import Network
from aquanet_tf.media import images

FILE = "known_answer.json"
# Machines and versions of TensorFlow differ by rounding, which a deep network enlarges.
TOLERANCE = 1e-3


class Answer(NamedTuple):
    """Mean inverse depth of the image: found here, and expected; the allowed relative error."""

    found: float
    expected: float
    tolerance: float

    @property
    def error(self) -> float:
        """Relative error of what was found."""
        return abs(self.found / self.expected - 1)

    @property
    def right(self) -> bool:
        """Whether this machine computes what the one that released the network did."""
        return self.error <= self.tolerance

    def line(self) -> str:
        """Both numbers in words."""
        return f"mean inverse depth {self.found:.6f}, expected {self.expected:.6f}"


def ask(network: Network, folder: str | pathlib.Path) -> Answer | None:
    """The answer of the network in a `folder` to its own image; None where it has none.

    Raises ValueError that names a damaged file.
    """
    path = pathlib.Path(folder) / FILE
    if not path.is_file():
        return None
    known = files.read(path)
    try:
        image, expected = known["image"], float(known["mean_inverse_depth"])
        tolerance = float(known["tolerance"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({error})") from error
    return Answer(_mean(network, path.parent / image), expected, tolerance)


def is_about(folder: str | pathlib.Path, image: str | pathlib.Path) -> bool:
    """Whether `image` is the one that the answer in `folder` is about."""
    path = pathlib.Path(folder) / FILE
    return path.is_file() and (path.parent / files.read(path).get("image", "")).resolve() == (
        pathlib.Path(image).resolve()
    )


def write(network: Network, folder: str | pathlib.Path, image: str) -> None:
    """Writes what `network` answers to the file `image` in `folder`."""
    folder = pathlib.Path(folder)
    mean = round(_mean(network, folder / image), 6)
    known = {"image": image, "mean_inverse_depth": mean, "tolerance": TOLERANCE}
    files.write(folder / FILE, known)


def _mean(network, path) -> float:
    return float(network.relative(images.read_image(path)).inverse_depth.mean())
