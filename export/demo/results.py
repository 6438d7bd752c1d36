"""What a demo has left on the disk so far, as sections of its page: pictures, curves, tables."""

from __future__ import annotations

import csv
import html
import pathlib

import numpy as np

from aquanet_tf import files
from aquanet_tf.media import images
from export.report import charts, page, tables

_LEARNED = (
    "By the small network that comes with the repository. It has learned from generated streets "
    "only, and sees nothing but this one image; near is bright. The demo now trains such a network "
    "from scratch."
)
_HELD_OUT = "Frames of a drive that neither stage has seen, and their depth by stage 2."
_SHOWN = 3  # frames of a drive


def sections(run: pathlib.Path) -> list[str]:
    """The sections as HTML, oldest result first; one without a result yet is left out.

    run: the folder of the demo, such as runs/demo.
    """
    found = [
        _pictures(run / "first", "The first picture", _LEARNED),
        *_stage(run / "stage1", "stage 1"),
        *_stage(run / "stage2", "stage 2"),
        _pictures(run / "predictions", "A held-out drive", _HELD_OUT),
    ]
    return [section for section in found if section]


def _pictures(folder: pathlib.Path, title: str, note: str) -> str:
    """Images beside their depth, from a folder that `aquanet_tf.predict` has written."""
    if not (folder / "predictions.json").is_file():
        return ""
    entries = files.read(folder / "predictions.json")["images"]
    places = np.unique(np.linspace(0, len(entries) - 1, min(_SHOWN, len(entries))).astype(int))
    blocks = [_pair(folder, entries[place]) for place in places]
    return f"<h2>{html.escape(title)}</h2><p class='small soft'>{note}</p>{''.join(blocks)}"


def _pair(folder, entry) -> str:
    """One image and its depth. entry: of predictions.json."""
    depth = images.read_image(folder / f"{entry['name']}_color.png")
    tiles = [
        page.figure(images.read_image(entry["input"]), "Input"),
        page.figure(depth, "Inverse depth"),
    ]
    return f"<section class='frame'><div class='tiles two'>{''.join(tiles)}</div></section>"


def _stage(workdir: pathlib.Path, name: str) -> list[str]:
    """Curves and table of one stage."""
    curves, rows = "", _history(workdir)
    if rows:
        epochs = files.read(workdir / "config.json")["epochs"]
        curves = charts.section(rows, f"Training of {name}: {len(rows)} of {epochs} epochs")
    evaluation = workdir / "evaluation.json"
    if not evaluation.is_file():
        return [curves]
    return [curves, tables.section(files.read(evaluation), f"Depth by {name}")]


def _history(workdir) -> list[dict[str, str]]:
    """Rows of history.csv; `runs.history`, which reads it elsewhere, would load TensorFlow."""
    path = workdir / "history.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
