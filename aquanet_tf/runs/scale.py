"""scale.json in a workdir: meters of one unit of depth, found by `aquanet_tf.scale`.

A scale belongs to one epoch, working height and --grid_shift: depth has another unit after more
training, and may have one at another height or with shifted grids. The file holds one scale for
each: the newest at the top, the others in its list "others". Commands take the one that fits,
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
    if fitting := stored(workdir, run, working_height):
        return Scale(fitting["metres_per_unit"], described(fitting))
    learned = run.metres_per_unit(working_height)
    return Scale(learned, LEARNED) if learned else Scale()


def check(given: float | None) -> None:
    """ValueError unless the flag --metres_per_unit is None, 0 (no scale) or a positive number."""
    if given is not None and not (math.isfinite(given) and given >= 0):
        raise ValueError(f"--metres_per_unit={given}: expected a positive number, or 0 for none")


def stored(workdir: str | pathlib.Path, run: Run, working_height: int) -> dict | None:
    """The scale in scale.json that fits; None without one.

    Scales of another epoch, working height (pixels) or --grid_shift do not fit: a warning says so
    when there are only such. Raises ValueError that names a damaged file.
    """
    scales = everything(workdir)
    here = (run.epoch, working_height, run.config.grid_shift)
    for each in scales:
        if tuple(belongs_to(each).values()) == here:
            return each
    if scales:
        newest = belongs_to(scales[0])
        name, used = next((name, used) for name, used in zip(newest, here) if newest[name] != used)
        warnings.warn(
            f"{pathlib.Path(workdir) / SCALE_FILE} is not used: it is of {name} {newest[name]}, "
            f"the network of {name} {used}; run aquanet_tf.scale again, with "
            f"--height={working_height} --grid_shift={run.config.grid_shift:g}",
            stacklevel=3,
        )
    return None


def everything(workdir: str | pathlib.Path) -> list[dict]:
    """Every scale in scale.json, the newest first; none without the file. Raises ValueError that
    names a damaged file."""
    path = pathlib.Path(workdir) / SCALE_FILE
    if not path.exists():
        return []
    try:
        newest = files.read(path)
        scales = [newest, *newest.pop("others", [])]
        for each in scales:
            belongs_to(each)
            value = float(each["metres_per_unit"])
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"metres_per_unit is {value}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({error}); run aquanet_tf.scale again") from error
    return scales


def document(scales: list[dict]) -> dict:
    """The content of scale.json for `scales`, the newest first."""
    newest, *others = scales
    return {**newest, "others": others} if others else newest


def belongs_to(entry: dict) -> dict[str, float]:
    """What a scale was found for, by name: epoch, working height, grid shift. KeyError names what
    it does not hold."""
    return {
        "epoch": entry["epoch"],
        "working height": entry["working_height"],
        "grid shift": entry.get("grid_shift", 0.0),  # absent: one pass
    }


def described(entry: dict) -> str:
    """A few words about a scale in scale.json."""
    method, frames = entry.get("method", "method not recorded"), entry.get("used", "?")
    spread = 100 * entry.get("spread", math.nan)
    return f"{SCALE_FILE} ({method}, {frames} frames, spread {spread:.0f} %)"
