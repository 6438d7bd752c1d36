"""Whether cars stand on the road: the contact ratio, which needs no depth sensor.

The contact ratio of a car is the median depth inside its box divided by the median depth of the
road just below. A hole, a car that the network places far behind the road it stands on, has a
large ratio. The scale of depth cancels.

A large hole covers the road just below, too, and the contact ratio is then near 1. The ratio
beside takes the road in the same rows, half a width to one and a half widths away at the left and
at the right. Of the two sides the farther one counts, because whatever stands there is nearer than
the road. A hole that reaches one of the sides hides itself there, as it does below.

The road strip is nearer than the tires, so a car on a flat road has a ratio slightly above 1. For
a camera at height c above the road and a car of height H, the road's depth at the tires is
1 + s * H / c times its depth s box heights below them, at any distance. The middle of the strip
has s = 1/8: with H = 1.5 m and c = 1.3 to 1.65 m the ratio is 1.11 to 1.14. An edge that lies 0.1
box heights too low adds 0.1; a slanting rear window or a visible side adds some percent; a truck of
3.5 m has 1.27. Take 1.0 to 1.15 as normal for a car, and compare runs on the same boxes.

`boxes` reads the boxes; `measure` finds their ratios, `summarize` and `table` show them.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable

import numpy as np

from aquanet_tf.cars.boxes import KINDS, Box, check_inside, frames
from aquanet_tf.evaluation import alignment

ON_ROAD = (0.7, 1.4)  # ratios of cars that count as standing on the road
HOLE = 1.5  # ratios above it count as holes, unless parked cars have them, too
_STRIP = 0.25  # height of the road strip, as a share of the box's height
_MARGIN = 0.15  # share of the box's width that the strip leaves out at each side
_ASIDE = (0.5, 1.5)  # where the strips beside begin and end, in widths of the box from its edges
_LEAST = 2  # rows of the strip at the network's working height


def ratio(
    inverse_depth: np.ndarray, box: tuple[int, int, int, int], working_height: int = 0
) -> float:
    """Median depth inside a box divided by that of the road strip below it.

    The strip reaches from the box's lower edge a quarter of its height down, at least two rows of
    the working height, and spans the middle 70 % of its width.

    Args:
      inverse_depth: [H, W], any unit, at the size of the image.
      box: (left, top, right, bottom), see `boxes.Box`.
      working_height: rows that the network worked at; 0: those of the map.

    Raises ValueError for a box outside the map, or without room for the strip below it.
    """
    left, top, right, bottom = box
    rows = _strip_rows(inverse_depth.shape, box, working_height)
    margin = round(_MARGIN * (right - left))
    car = inverse_depth[top:bottom, left:right]
    road = inverse_depth[bottom : bottom + rows, left + margin : right - margin]
    return alignment.median_depth(car) / alignment.median_depth(road)


def ratio_beside(
    inverse_depth: np.ndarray, box: tuple[int, int, int, int], working_height: int = 0
) -> float | None:
    """Median depth inside a box divided by that of the road beside it, in the rows of `ratio`.

    Arguments and errors as for `ratio`. None where more than half of each strip lies
    outside the image.
    """
    left, top, right, bottom = box
    rows = _strip_rows(inverse_depth.shape, box, working_height)
    near, far = (round(share * (right - left)) for share in _ASIDE)
    strip = inverse_depth[bottom : bottom + rows]
    sides = (
        strip[:, max(0, left - far) : max(0, left - near)],
        strip[:, right + near : right + far],
    )
    seen = [alignment.median_depth(side) for side in sides if side.shape[1] >= (far - near) / 2]
    return (
        alignment.median_depth(inverse_depth[top:bottom, left:right]) / max(seen) if seen else None
    )


def _strip_rows(shape, box, working_height) -> int:
    """Rows of the strip of road below a box; ValueError where there is no room for it."""
    check_inside(box, *shape)
    height, (_, top, _, bottom) = shape[0], box
    least = math.ceil(_LEAST * height / (working_height or height))
    if bottom + least > height:
        raise ValueError(f"bottom {bottom}: no road below, the image has {height} rows")
    return max(least, round(_STRIP * (bottom - top)))


def measure(
    boxes: list[Box],
    root: str | pathlib.Path,
    depth: Callable[[np.ndarray], np.ndarray],
    working_height: int = 0,
) -> list[dict]:
    """Both ratios of each box, in the order of `boxes`.

    Args:
      boxes: from `boxes.read`.
      root: the folder that holds their sources.
      depth: function from an image, uint8 [H, W, 3], to its inverse depth [H, W], any unit. It is
        called once for each frame.
      working_height: as for `ratio`.

    Returns dicts of source, frame, kind, box, ratio, and beside (`ratio_beside`, may be None).
    ValueError names the line at fault.
    """
    ratios = {}
    for image, cars in frames(boxes, root):
        inverse_depth = depth(image)
        for box in cars:
            try:
                ratios[box] = {
                    "ratio": ratio(inverse_depth, box.edges, working_height),
                    "beside": ratio_beside(inverse_depth, box.edges, working_height),
                }
            except ValueError as error:
                raise ValueError(f"{box.place}: {error}") from error
    return [
        {
            "source": box.source,
            "frame": box.frame,
            "kind": box.kind,
            "box": box.edges,
            **ratios[box],
        }
        for box in boxes
    ]


def summarize(rows: list[dict]) -> list[dict]:
    """One dict for each source and kind, then for each kind of all sources.

    rows: from `measure`. Keys: source ("all": every source), kind, cars, median, quartiles [2],
    on_road (share of ratios within ON_ROAD), holes (share above HOLE); and beside, a dict of these
    numbers of the ratio beside, None where no car has one.
    """
    groups = {}
    for row in rows:
        groups.setdefault((row["source"], row["kind"]), []).append(row)
    for kind in KINDS:
        members = [row for row in rows if row["kind"] == kind]
        if members:
            groups["all", kind] = members
    return [
        {
            "source": source,
            "kind": kind,
            **_statistics([row["ratio"] for row in members]),
            "beside": _statistics([row["beside"] for row in members if row["beside"] is not None]),
        }
        for (source, kind), members in groups.items()
    ]


def _statistics(ratios: list[float]) -> dict | None:
    if not ratios:
        return None
    ratios = np.array(ratios)
    low, middle, high = np.percentile(ratios, (25, 50, 75))
    return {
        "cars": len(ratios),
        "median": float(middle),
        "quartiles": [float(low), float(high)],
        "on_road": float(np.mean((ratios >= ON_ROAD[0]) & (ratios <= ON_ROAD[1]))),
        "holes": float(np.mean(ratios > HOLE)),
    }


def table(groups: list[dict]) -> str:
    """The result of `summarize` as text."""
    width = max(len("source"), *(len(group["source"]) for group in groups))
    within, above = "{:g}..{:g}".format(*ON_ROAD), f"> {HOLE:g}"
    lines = [
        "contact ratio: depth of a car / depth of the road just below; 1.0 to 1.15 is normal",
        "beside: the same with the road left or right of it, which a hole covers less often",
        f"{'source':{width}}  {'kind':6}{'cars':>6}{'median':>9}{'quartiles':>18}"
        + f"{within:>10}{above:>8}  |{'beside':>9}{within:>10}{above:>8}",
    ]
    for group in groups:
        quartiles = "{:.2f} to {:.2f}".format(*group["quartiles"])
        lines.append(
            f"{group['source']:{width}}  {group['kind']:6}{group['cars']:6d}"
            f"{group['median']:9.2f}{quartiles:>18}{_shares(group)}  |{_beside(group['beside'])}"
        )
    return "\n".join(lines)


def _beside(statistics: dict | None) -> str:
    return f"{statistics['median']:9.2f}{_shares(statistics)}" if statistics else f"{'-':>9}"


def _shares(statistics: dict) -> str:
    return f"{statistics['on_road']:10.0%}{statistics['holes']:8.0%}"
