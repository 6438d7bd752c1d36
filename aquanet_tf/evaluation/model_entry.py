"""The entry "model" of a result file: which network was measured, and how it was used."""

from __future__ import annotations

import pathlib


def of(workdir: str | pathlib.Path, network) -> dict:
    """The entry of a network. network: inference.checkpoint.Predictor of the run in `workdir`."""
    return {
        "workdir": str(pathlib.Path(workdir).resolve()),
        "epoch": network.epoch,
        "working_height": network.height,
        "grid_shift": network.grid_shift,
    }


def line(entry: dict) -> str:
    """The entry in words: epoch, working height, passes."""
    shift = entry.get("grid_shift")  # absent: one pass
    passes = f"mean of three passes (grid shift {shift:g})" if shift else "one pass"
    return f"epoch {entry['epoch']}, working height {entry['working_height']}, {passes}"
