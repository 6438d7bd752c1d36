"""scale.json in a workdir: meters of one unit of depth, found by `aquanet_tf.scale`.

The number belongs to one epoch, working height and --grid_shift: depth has another unit after more
training, and may have one at another height or with moved grids. Commands take a scale from here,
unless their flag --metres_per_unit gives one; without either, that of a training in meters
(--speed_weight).
"""

from __future__ import annotations

import math
import pathlib
import warnings
from typing import TYPE_CHECKING, NamedTuple

from aquanet_tf import files
from aquanet_tf.runs.layout import SCALE_FILE

if TYPE_CHECKING:
    from aquanet_tf.runs.run import Run

# Source of the scale of a run with --speed_weight.
LEARNED = "the distances traveled in training"


class Scale(NamedTuple):
    """Meters of one unit of depth (0: not known), and where the number comes from, in words."""

    metres_per_unit: float = 0.0
    source: str = ""

    def line(self) -> str:
        """What a command says about it."""
        if not self.metres_per_unit:
            return "depth: relative units; python -m aquanet_tf.scale finds the meters of one"
        return f"depth: {self.metres_per_unit:.4g} m per unit, from {self.source}"


def chosen(
    given: float | None, workdir: str | pathlib.Path, run: Run, working_height: int
) -> Scale:
    """The Scale that a command uses.

    Args:
      given: the flag --metres_per_unit; 0: none; None: not given, so that of scale.json, else that
        of the training (`Run.metres_per_unit`).
      workdir: of the run.
      run: loaded; working_height: of the network in pixels, see `stored`.

    Raises ValueError for a flag that is no scale, and for a damaged scale.json.
    """
    if given is not None:
        check(given)
        return Scale(given, "--metres_per_unit")
    if found := stored(workdir, run, working_height):
        return Scale(found["metres_per_unit"], described(found))
    learned = run.metres_per_unit(working_height)
    return Scale(learned, LEARNED) if learned else Scale()


def check(given: float | None) -> None:
    """ValueError unless the flag --metres_per_unit is None, 0 (no scale) or a positive number."""
    if given is not None and not (math.isfinite(given) and given >= 0):
        raise ValueError(f"--metres_per_unit={given}: expected a positive number, or 0 for none")


def stored(workdir: str | pathlib.Path, run: Run, working_height: int) -> dict | None:
    """The content of scale.json; None without one.

    Of another epoch, working height (pixels) or --grid_shift it is not used: a warning says so.
    Raises ValueError that names a damaged file.
    """
    path = pathlib.Path(workdir) / SCALE_FILE
    if not path.exists():
        return None
    found = files.read(path)
    try:
        value = float(found["metres_per_unit"])
        of = belongs_to(found)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"metres_per_unit is {value}")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({error}); run aquanet_tf.scale again") from error
    here = (run.epoch, working_height, run.config.grid_shift)
    for name, used in zip(of, here):
        if of[name] != used:
            warnings.warn(
                f"{path} is not used: it is of {name} {of[name]}, the network of {name} {used}; "
                f"run aquanet_tf.scale again, with --height={working_height} "
                f"--grid_shift={run.config.grid_shift:g}",
                stacklevel=3,
            )
            return None
    return found


def belongs_to(found: dict) -> dict[str, float]:
    """What the content of scale.json was found for, by name: epoch, working height, grid shift.
    KeyError names what the file does not hold."""
    return {
        "epoch": found["epoch"],
        "working height": found["working_height"],
        "grid shift": found.get("grid_shift", 0.0),  # files before there was the option
    }


def described(found: dict) -> str:
    """A few words about the content of scale.json."""
    method, frames = found.get("method", "method not recorded"), found.get("used", "?")
    spread = 100 * found.get("spread", math.nan)
    return f"{SCALE_FILE} ({method}, {frames} frames, spread {spread:.0f} %)"
