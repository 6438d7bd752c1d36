"""The path seen from above. By matplotlib without a display."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from aquanet_tf import files

_DPI = 110


def draw(path, lines: dict[str, np.ndarray], unit: str) -> None:
    """Draws paths from above: x to the right, z (the first camera's direction) up.

    Args:
        path: PNG to write.
        lines: label -> positions [N, 3] in the first camera's frame.
        unit: of the axes.
    """
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots()
    for label, positions in lines.items():
        (line,) = axes.plot(positions[:, 0], positions[:, 2], label=label)
        axes.plot(*positions[-1, [0, 2]], "o", color=line.get_color())
    axes.plot(0, 0, "k^", label="start")
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(f"right ({unit})")
    axes.set_ylabel(f"ahead ({unit})")
    axes.grid(True, alpha=0.3)
    axes.legend()
    with files.atomic(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png")
