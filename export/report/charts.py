"""Line charts of history.csv as inline SVG, colored by the CSS of the page."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

WIDTH, HEIGHT = 320, 150
_LAST = "learning_rate"
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 12, 22  # margins of the plot


def series(rows: list[dict[str, str]], name: str) -> list[tuple[int, float, str]]:
    """(epoch, value, phase) of one column of history.csv, without empty and non-finite cells."""
    found = []
    for row in rows:
        try:
            value = float(row.get(name) or "nan")
        except ValueError:
            continue
        if math.isfinite(value):
            found.append((int(row["epoch"]), value, row["phase"]))
    return found


def shown(rows: list[dict[str, str]], name: str) -> list[tuple[int, float, str]]:
    """`series` of a column or, where it has no numbers, of its validation."""
    return series(rows, name) or series(rows, f"val_{name}")


def chart_names(rows: list[dict[str, str]]) -> list[str]:
    """Columns to draw: those with numbers of at least two epochs that are not all zero (such a
    loss term is switched off). The learning rate comes last.

    Validation columns (val_NAME) are drawn in the chart of NAME, also where they stand alone.
    """
    names = [name.removeprefix("val_") for name in (rows[0] if rows else ())]
    names = sorted(set(names) - {"epoch", "phase"}, key=lambda n: (n == _LAST, names.index(n)))
    values = {name: [value for _, value, _ in shown(rows, name)] for name in names}
    return [name for name in names if len(values[name]) > 1 and any(values[name])]


def section(
    rows: list[dict[str, str]], title: str, only: Sequence[str] = (), note: str = ""
) -> str:
    """The section with one `chart` for each column of `chart_names`, HTML; empty without any.

    only: draw no other columns than these; empty: all. note: HTML below the title.
    """
    names = [name for name in chart_names(rows) if not only or name in only]
    if not names:
        return ""
    below = f"<p class='small soft'>{note}</p>" if note else ""
    drawn = "".join(chart(rows, name) for name in names)
    return f"<h2>{html.escape(title)}</h2>{below}<div class='charts'>{drawn}</div>"


def chart(rows: list[dict[str, str]], name: str) -> str:
    """`line_chart` below its name and its last value, HTML."""
    last = shown(rows, name)[-1][1]
    return (
        f"<div class='chart'><h3>{html.escape(name)}<span>{last:.4g}</span></h3>"
        f"{line_chart(rows, name)}</div>"
    )


def line_chart(rows: list[dict[str, str]], name: str) -> str:
    """One column over the epochs, with its validation dashed; each phase is a line of its own."""
    lines = [("train", series(rows, name)), ("val", series(rows, f"val_{name}"))]
    points = [point for _, line in lines for point in line]
    first, last = int(rows[0]["epoch"]), int(rows[-1]["epoch"])
    low, high = min(value for _, value, _ in points), max(value for _, value, _ in points)
    if high - low < 1e-12:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)

    def x(epoch):
        return _LEFT + (epoch - first) / max(last - first, 1) * (WIDTH - _LEFT - _RIGHT)

    def y(value):
        return _TOP + (high - value) / (high - low) * (HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(name)}">']
    for value in (low, (low + high) / 2, high):
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" {_ys(y(value))}/>')
        parts.append(_text(_LEFT - 6, y(value) + 3.5, "end", _number(value)))
    for epoch, anchor in ((first, "start"), (last, "end")):
        parts.append(_text(x(epoch), HEIGHT - 5, anchor, str(epoch + 1)))
    for before, after in zip(rows, rows[1:]):
        if before["phase"] != after["phase"]:
            middle = (x(int(before["epoch"])) + x(int(after["epoch"]))) / 2
            parts.append(
                f'<line class="phase" x1="{middle:.1f}" x2="{middle:.1f}" '
                f'y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
            )
    for kind, line in lines:
        for phase in dict.fromkeys(point[2] for point in line):
            stretch = [(x(e), y(v)) for e, v, p in line if p == phase]
            path = " ".join(f"{a:.1f},{b:.1f}" for a, b in stretch)
            parts.append(f'<polyline class="{kind}" points="{path}"/>')
            if len(stretch) == 1:
                parts.append(
                    '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="2"/>'.format(kind, *stretch[0])
                )
    return "".join(parts) + "</svg>"


def _ys(value: float) -> str:
    return f'y1="{value:.1f}" y2="{value:.1f}"'


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{anchor}">{text}</text>'


def _number(value: float) -> str:
    """A label of the axis, with three digits."""
    small = 0 < abs(value) < 1e-2
    return f"{value:.1e}".replace("e-0", "e-") if small else f"{value:.3g}"
