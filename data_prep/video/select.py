"""Which frames of a video are worth learning from, and what motion they show."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable

import numpy as np

from data_prep.video import motion

# Fewer blocks found again than this, and much difference: another scene.
_CUT_MATCHED, _CUT_DIFFERENCE = 0.25, 8.0
# Frames that differ by less (gray levels, mean) are one frame, repeated.
_DUPLICATE = 0.5
# After so many frames at a standstill the scene goes on with others on the road.
_LONG_STOP = 10
# Wanted median flow between neighbors in image widths: some pixels in a thousand. Near the road
# it is ten times that.
_WANTED_FLOW, _MOST_STRIDE = 0.004, 10
# Flow that the networks' receptive field and the range of inverse depth do not cover well.
TOO_FAST = 0.05
# Parallax below this share of the flow cannot be told from the noise of measuring it.
_ROTATION = 0.2


@dataclasses.dataclass
class Selection:
    """`scenes`: source frame numbers of each scene, gaps and cuts between them. `steps`: motion
    between neighbors within scenes. `dropped`: reason -> frames."""

    scenes: list[list[int]] = dataclasses.field(default_factory=list)
    steps: list[motion.Motion] = dataclasses.field(default_factory=list)
    dropped: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    cuts: int = 0
    frames: int = 0

    @property
    def kept(self) -> int:
        return sum(map(len, self.scenes))


def select(frames: Iterable[np.ndarray], focal: float, min_flow: float) -> Selection:
    """Goes through all `frames` (uint8 [H, W, 3]) once; `focal` and `min_flow` in image widths.

    A frame is compared with the last one kept, so slow motion is thinned out, not lost.
    """
    found, last, waiting = Selection(), None, 0
    for number, frame in enumerate(frames):
        found.frames += 1
        small = motion.reduced(frame)
        step = None if last is None else motion.measure(last, small, focal)
        if step is not None and _is_cut(step):
            found.cuts, step = found.cuts + 1, None
        if step is not None and step.flow < min_flow:
            found.dropped["duplicate" if step.difference < _DUPLICATE else "static"] += 1
            waiting += 1
            continue
        if step is None or waiting > _LONG_STOP:
            found.scenes.append([])
        else:
            found.steps.append(step)
        found.scenes[-1].append(number)
        last, waiting = small, 0
    return found


def _is_cut(step: motion.Motion) -> bool:
    return step.matched < _CUT_MATCHED and step.difference > _CUT_DIFFERENCE


def choose_stride(found: Selection) -> int:
    """Kept frames between neighbors, so that a typical flow can be matched and seen."""
    flow = np.array([step.flow for step in found.steps])
    if not flow.size:
        return 1
    wanted = min(_WANTED_FLOW / np.median(flow), TOO_FAST / np.percentile(flow, 90))
    return int(np.clip(round(float(wanted)), 1, _MOST_STRIDE))


def describe(found: Selection, stride: int) -> dict:
    """The motion that was seen, as numbers for people: shares of the image width in percent."""
    if not found.steps:
        return {}
    flow = 100 * np.array([step.flow for step in found.steps])
    parallax = 100 * np.array([step.parallax for step in found.steps])
    return {
        "flow_percent": [round(float(v), 3) for v in np.percentile(flow, (10, 50, 90))],
        "parallax_percent": [round(float(v), 3) for v in np.percentile(parallax, (10, 50, 90))],
        "flow_percent_at_stride": round(float(np.median(flow)) * stride, 3),
        "rotation_only_share": round(float(np.mean(parallax < _ROTATION * flow)), 3),
    }


def warnings(found: Selection, stride: int) -> list[str]:
    """What makes depth hard or impossible to learn from this video; empty if nothing does."""
    texts = []
    seen = describe(found, stride)
    if found.kept < 2 * stride + 1:
        texts.append(f"only {found.kept} of {found.frames} frames show any motion")
    if found.cuts > max(2, 0.1 * found.frames):
        texts.append(
            f"{found.cuts} times two frames have nothing in common: the motion is too fast for "
            "this frame rate, or the video is cut a lot"
        )
    if not seen:
        return texts
    if seen["rotation_only_share"] > 0.5:
        texts.append(
            f"{seen['rotation_only_share']:.0%} of the steps show rotation without parallax: a "
            "camera that only turns says nothing about depth"
        )
    if seen["flow_percent_at_stride"] > 100 * TOO_FAST:
        texts.append(
            f"neighbors are {seen['flow_percent_at_stride']:.1f} % of the width apart, too fast "
            "for the matching to be learned: lower --stride or take a higher frame rate"
        )
    return texts
