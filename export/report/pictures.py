"""The pictures of a report: input, inverse depth, ground truth, error and beta of frames.

Inverse depth is the paper's disparity, shown in 1 / meters after the alignment of the evaluation.
"""

from __future__ import annotations

import html

import matplotlib
import numpy as np

from aquanet_tf import progress
from aquanet_tf.evaluation import frame_maps
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.media import color, sheet
from export.report import page
from export.report.tables import PARTS

ERROR_HIGH = 0.5  # relative error of the brightest color


def choose_rows(rows: list[dict], count: int) -> list[dict]:
    """Rows of `count` frames: evenly spaced ones, and last the one with the largest error."""
    worst = max(rows, key=lambda row: row["all"]["abs_rel"])
    others = [row for row in rows if row is not worst]
    places = np.linspace(0, len(others) - 1, max(min(count - 1, len(others)), 0)).round()
    return [others[int(place)] for place in places] + [worst]


def section(pairs, network, protocol: Protocol) -> str:
    """The section on frames as HTML. All frames have one color range, from their ground truth.

    Args:
      pairs: (ground_truth.Frame, its row in the evaluation).
      network: inference.checkpoint.Predictor.
      protocol: of the evaluation.
    """
    drawn = [
        frame_maps.maps(frame, row, network, protocol)
        for frame, row in progress.bar(pairs, desc="pictures", unit="frame")
    ]
    high = frame_maps.nearest(drawn)
    blocks = [_frame(each, high, network.beta_max) for each in drawn]
    outlined = any(each["moving"] is not None for each in drawn)
    return (
        "<h2>Frames</h2><p class='small soft'>Evenly spaced over the evaluated frames; the last "
        "one has the largest error. The color range is the same for all frames: bright "
        "is near, gray is without ground truth."
        + (" Outlines: independently moving objects." if outlined else "")
        + f"</p>{''.join(blocks)}"
    )


def near_tile(inverse_depth, title, high, valid=None) -> str:
    """A figure of inverse depth [H, W] in 1 / meters, with its color bar."""
    bar = page.color_bar(_ramp(color.INVERSE_DEPTH_MAP), "far", f"{1 / high:.2g} m")
    picture = color.color_inverse_depth(inverse_depth, 0, high, valid)
    return page.figure(picture, title, bar)


def truth_tile(drawn, high) -> str:
    """A figure of the ground truth of one frame of `frame_maps.maps`."""
    truth, shown = sheet.grow(drawn["truth"], drawn["valid"], _radius(drawn["valid"]))
    return near_tile(truth, "Ground truth", high, shown)


def mark(picture, moving):
    """`picture` with moving objects outlined; unchanged without a mask of the same size."""
    if moving is None or picture.shape[:2] != moving.shape:
        return picture
    return sheet.outline(picture, moving, thickness=max(1, moving.shape[1] // 600))


def block(key, numbers, tiles) -> str:
    """One frame as HTML: its key, its numbers (text) and its figures."""
    return (
        f"<section class='frame'><header><b>{html.escape(key)}</b>"
        f"<span>abs rel: {numbers}</span></header>"
        f"<div class='tiles'>{''.join(tiles)}</div></section>"
    )


def _frame(drawn, high, beta_max) -> str:
    valid, moving = drawn["valid"], drawn["moving"]
    error, shown = sheet.grow(drawn["error"], valid, _radius(valid))
    wrong = page.color_bar(_ramp(color.ERROR_MAP), "0", f"{100 * ERROR_HIGH:.0f} %")
    ends = f"{1 / beta_max:.2g}", f"{beta_max:.2g}"
    tiles = [
        page.figure(mark(drawn["image"], moving), "Input"),
        near_tile(drawn["predicted"], "Inverse depth", high),
        truth_tile(drawn, high),
        page.figure(
            mark(color.color_error(error, ERROR_HIGH, shown), moving), "Relative error", wrong
        ),
        page.figure(
            color.color_beta(drawn["beta"], beta_max),
            "Beta",
            page.color_bar(_ramp(color.BETA_MAP), *ends),
        ),
    ]
    row = drawn["row"]
    numbers = " · ".join(f"{part} {row[part]['abs_rel']:.3f}" for part in PARTS if row.get(part))
    return block(drawn["key"], numbers, tiles)


def _radius(valid):
    """Pixels by which to grow lidar points, which are too small to see; 0 for dense maps."""
    return 0 if valid.mean() > 0.3 else max(1, valid.shape[1] // 600)


def _ramp(name):
    return matplotlib.colormaps[name](np.linspace(0, 1, 9), bytes=True)[:, :3]
