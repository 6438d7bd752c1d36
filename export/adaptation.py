"""Writes the page of an adaptation, as the last step of `python -m aquanet_tf.adapt`.

    python -m export.adaptation --workdir MYCAM --out MYCAM/index.html

Shows the photometric error on held-out frames before and after, the camera, meters and warnings,
and for some held-out frames the depth before and after and what moves. Pictures are predicted anew.
The page loads nothing from elsewhere.
"""

from __future__ import annotations

import html
import pathlib
import shlex

import matplotlib
import numpy as np
from absl import flags

import aquanet_tf
from aquanet_tf import cli, files, progress
from aquanet_tf.adaptation import findings, recipe, steps
from aquanet_tf.config import Config
from aquanet_tf.inference.checkpoint import load
from aquanet_tf.media import color, images, sheet
from aquanet_tf.runs import history
from aquanet_tf.runs.layout import CONFIG_FILE, HISTORY_FILE
from export.report import charts, page

_CURVES = ("photometric", "translation", "fx_0", "fy_0", "cx_0", "cy_0")


def build(workdir: pathlib.Path, count: int) -> str:
    """The page of an adaptation, HTML.

    count: held-out frames to show. Raises ValueError naming a file that is missing.
    """
    content = files.read(workdir / findings.FILE)
    sections = [
        _head(workdir, content),
        _warnings(content),
        _cut(workdir),
        _frames(workdir, count),
        *(_curves(workdir / name, name) for name in (recipe.STAGE1, recipe.STAGE2)),
        _use(workdir),
    ]
    return page.page(f"AQUANet: {workdir.name}", "\n".join(filter(None, sections)))


def _head(workdir, content) -> str:
    cards = []
    for name, (before, after) in content["photometric"].items():
        kind = "good" if after < before else "bad"
        text = f"{name}: photometric error on held-out frames; before {before:.4f}"
        cards.append(page.card(f"{after:.4f}", text, kind))
    if camera := content["camera"]:
        text = f"horizontal field of view, degrees; {findings.origin(camera)}"
        cards.append(page.card(f"{camera['fov_deg']:.1f}°", text))
    if scale := content["scale"]:
        text = f"per unit of depth ({scale['method']}); spread {scale['spread']:.0%}"
        cards.append(page.card(f"{scale['metres_per_unit']:.3g} m", text))
    frames = content["frames"]
    text = f"of {frames['frames']} frames in motion; neighbors {frames['stride']} apart"
    cards.append(page.card(str(frames["kept"]), text))
    spent = sum(filter(None, content["seconds"].values()))
    cards.append(page.card(f"{spent / 60:.1f} min", "for all steps before this page"))
    return (
        f"<h1>A depth network for this camera: {html.escape(workdir.name)}</h1>"
        "<p class='soft'>Fine-tuned on one drive, without labels. The errors of the two stages do "
        "not compare with each other: stage 2 leaves out what moves.</p>"
        f"<div class='cards'>{''.join(cards)}</div>"
    )


def _warnings(content) -> str:
    if not content["warnings"]:
        return "<h2>Warnings</h2><p>None.</p>"
    lines = "".join(f"<li>{html.escape(warning)}</li>" for warning in content["warnings"])
    return f"<h2>Warnings</h2><ol class='next'>{lines}</ol>"


def _cut(workdir) -> str:
    """What was cut off; empty if nothing was."""
    path = workdir / steps.CLIP / "raw" / "crop.png"
    if not path.is_file():
        return ""
    picture = page.figure(images.read_image(path), "The dark part never moves and is cut off.")
    return f"<h2>Margins</h2><section class='frame'>{picture}</section>"


def _frames(workdir, count) -> str:
    """The section with held-out frames: depth before and after, and what moves."""
    one = Config.load(workdir / recipe.STAGE1 / CONFIG_FILE)
    last = load(str(workdir / recipe.STAGE2))
    before, moving = load(one.init_from, last.height), load(str(workdir / recipe.STAGE1))
    blocks = []
    for path in progress.bar(_held_out(workdir, count), desc="pictures", unit="frame"):
        image = images.read_image(path)
        marked = sheet.outline(image, moving.moving(image), thickness=1 + image.shape[1] // 600)
        maps = [network(image).inverse_depth for network in (before, last)]
        # Two networks have two scales: each map has a range of its own.
        shown = [color.color_inverse_depth(m, *color.robust_range([m])) for m in maps]
        tiles = [
            page.figure(image, "input"),
            page.figure(marked, "outlined: likely moving, by stage 1"),
            page.figure(shown[0], "inverse depth before"),
            page.figure(shown[1], "inverse depth after"),
        ]
        blocks.append(
            f"<section class='frame'><div class='tiles two'>{''.join(tiles)}</div></section>"
        )
    return (
        "<h2>Held-out frames</h2><p class='small soft'>Bright is near; each map has its own range "
        f"({color.INVERSE_DEPTH_MAP}).</p>{''.join(blocks)}"
    )


def _held_out(workdir, count) -> list[pathlib.Path]:
    """Images of evenly spread held-out targets."""
    raw = workdir / steps.CLIP / "raw"
    lines = (workdir / steps.CLIP / "held_out.txt").read_text().splitlines()
    places = np.unique(np.linspace(0, len(lines) - 1, count).round().astype(int))
    content = []
    for place in places:
        drive, frame = lines[place].rsplit(" ", 1)
        content += sorted((raw / drive / "image_02" / "data").glob(f"{int(frame):010d}.*"))
    return content


def _curves(workdir, name) -> str:
    rows = history.read_history(workdir / HISTORY_FILE)
    return charts.section(rows, f"Training, {name}", _CURVES)


def _use(workdir) -> str:
    """The section with commands that use the result."""
    run = shlex.quote(str(workdir / recipe.STAGE2))
    commands = [
        ("Depth of your images or videos, cut as above.", f"aquanet_tf.predict --workdir {run}"),
        ("The path of the camera.", f"aquanet_tf.odometry --workdir {run}"),
    ]
    lines = "".join(
        f"<li>{text} <code class='run'>{html.escape(f'python -m {command} --input')} "
        "VIDEO_OR_FOLDER --out out</code></li>"
        for text, command in commands
    )
    exports = f"<code>{steps.SAVED_MODEL}/</code> and <code>{steps.TFLITE}</code>"
    return (
        f"<h2>What to do next</h2><ol class='next'>{lines}<li>Serve or embed the exports beside "
        f"this page: {exports}, each with its card.</li></ol>"
        f"<footer>Made by aquanet_tf {aquanet_tf.__version__}. This page loads nothing from the "
        "network.</footer>"
    )


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of an adaptation.", required=True)
    cli.define_output("out", None, "HTML file to write.", required=True)
    flags.DEFINE_integer("frames", 4, "Held-out frames to show.", lower_bound=1)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    matplotlib.use("Agg")
    options = flags.FLAGS
    text = build(pathlib.Path(options.workdir), options.frames)
    page.write(options.out, text)


if __name__ == "__main__":
    define_flags()
    cli.run(main)
