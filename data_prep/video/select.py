"""Chooses the frames of a video that are worth learning from, and describes their motion."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable

import numpy as np

from data_prep.video import motion

# Fewer matched blocks and a larger difference (gray levels, mean): another scene.
_CUT_MATCHED, _CUT_DIFFERENCE = 0.25, 8.0
# Frames that differ by less (gray levels, mean) are one frame, repeated.
_DUPLICATE = 0.5
# After so many frames at a standstill a new scene begins: other road users have moved.
_LONG_STOP = 10
# Wanted median flow between neighbors, in image widths. It is ten times as large near the camera.
_WANTED_FLOW, _MOST_STRIDE = 0.004, 10
# A larger flow exceeds what the networks' receptive field and range of inverse depth cover well.
TOO_FAST = 0.05
# Parallax below this share of the flow is measurement noise.
_ROTATION = 0.2


@dataclasses.dataclass
class Selection:
    """The chosen frames.

    scenes: frame numbers of each scene; scenes are divided by cuts and long stops. steps: motion
    between neighbors within scenes. dropped: reason -> number of frames.
    """

    scenes: list[list[int]] = dataclasses.field(default_factory=list)
    steps: list[motion.Motion] = dataclasses.field(default_factory=list)
    dropped: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    cuts: int = 0
    frames: int = 0

    @property
    def kept(self) -> int:
        """Number of frames."""
        return sum(map(len, self.scenes))

    def add(self, other: Selection) -> None:
        """Adds the choice among the frames of another clip."""
        self.scenes += other.scenes
        self.steps += other.steps
        self.dropped += other.dropped
        self.cuts += other.cuts
        self.frames += other.frames


def select(frames: Iterable[np.ndarray], focal: float, min_flow: float) -> Selection:
    """Chooses among `frames` (uint8 [H, W, 3]), which are read once.

    focal: focal length; min_flow: a frame with less flow is dropped; both in image widths. A frame
    is compared with the last one kept, so slow motion is subsampled, not lost.
    """
    selection, last, waiting = Selection(), None, 0
    for number, frame in enumerate(frames):
        selection.frames += 1
        small = motion.reduced(frame)
        step = None if last is None else motion.measure(last, small, focal)
        if step is not None and _is_cut(step):
            selection.cuts, step = selection.cuts + 1, None
        if step is not None and step.flow < min_flow:
            selection.dropped["duplicate" if step.difference < _DUPLICATE else "static"] += 1
            waiting += 1
            continue
        if step is None or waiting > _LONG_STOP:
            selection.scenes.append([])
        else:
            selection.steps.append(step)
        selection.scenes[-1].append(number)
        last, waiting = small, 0
    return selection


def _is_cut(step: motion.Motion) -> bool:
    return step.matched < _CUT_MATCHED and step.difference > _CUT_DIFFERENCE


def choose_stride(selection: Selection) -> int:
    """Stride in kept frames, 1 to 10: enough flow to learn from, but not too much to match."""
    # With --min_flow=0 frames are kept between which no flow was found.
    flow = np.array([step.flow for step in selection.steps if step.flow > 0])
    if not flow.size:
        return 1
    stride = min(_WANTED_FLOW / np.median(flow), TOO_FAST / np.percentile(flow, 90))
    return int(np.clip(round(float(stride)), 1, _MOST_STRIDE))


def describe(selection: Selection, stride: int) -> dict:
    """The motion between kept frames in percent of the image width; empty if there is none.

    flow_percent, parallax_percent: 10th, 50th and 90th percentile.
    """
    if not selection.steps:
        return {}
    flow = 100 * np.array([step.flow for step in selection.steps])
    parallax = 100 * np.array([step.parallax for step in selection.steps])
    return {
        "flow_percent": [round(float(v), 3) for v in np.percentile(flow, (10, 50, 90))],
        "parallax_percent": [round(float(v), 3) for v in np.percentile(parallax, (10, 50, 90))],
        "flow_percent_at_stride": round(float(np.median(flow)) * stride, 3),
        "rotation_only_share": round(float(np.mean(parallax < _ROTATION * flow)), 3),
    }


def warnings(selection: Selection, stride: int) -> list[str]:
    """What makes depth hard or impossible to learn from this video, one sentence each."""
    texts = []
    summary = describe(selection, stride)
    if selection.kept < 2 * stride + 1:
        texts.append(f"only {selection.kept} of {selection.frames} frames show any motion")
    if selection.cuts > max(2, 0.1 * selection.frames):
        texts.append(
            f"{selection.cuts} times two frames have nothing in common: the motion is too fast for "
            "this frame rate, or the video has many cuts"
        )
    if not summary:
        return texts
    if summary["rotation_only_share"] > 0.5:
        texts.append(
            f"{summary['rotation_only_share']:.0%} of the steps show rotation without parallax, "
            "from which depth cannot be learned"
        )
    if summary["flow_percent_at_stride"] > 100 * TOO_FAST:
        texts.append(
            f"the flow between neighbors is {summary['flow_percent_at_stride']:.1f} % of the "
            "width, too fast to be learned: lower --stride or use a higher frame rate"
        )
    return texts
