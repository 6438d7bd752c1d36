"""The schedule of a run: which stage trains which epochs, at which learning rate, in which calls of
`fit`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aquanet_tf.config import fields
from aquanet_tf.config.options import Config
from aquanet_tf.runs.checkpoint import Position
from aquanet_tf.training.stages import kick_start, stage_one, stage_two
from aquanet_tf.training.stages.stage import Stage


class Phase(NamedTuple):
    """The epochs [start, end) that one stage trains with one optimizer."""

    name: str
    stage: type[Stage]
    start: int
    end: int
    learning_rate: float


class Stretch(NamedTuple):
    """What one call of `fit` trains: the epochs [start, end), without the first `step` steps."""

    start: int
    end: int
    step: int


def phases(config: Config) -> list[Phase]:
    """The phases of a run in order: kick-start, depth alone, all networks; those without epochs are
    left out."""
    kick = config.kickstart_epochs
    frozen = kick + config.pose_frozen_epochs
    rate = config.learning_rate
    alone, last = stage_one.DepthAlone, stage_one.StageOne
    if config.stage == "2":
        alone, last = stage_two.DepthAloneTwo, stage_two.StageTwo
    every = [
        Phase("kickstart", kick_start.KickStart, 0, kick, config.kickstart_learning_rate),
        Phase("depth_alone", alone, kick, frozen, rate),
        Phase(f"stage{config.stage}", last, frozen, config.epochs, rate),
    ]
    return [phase for phase in every if phase.start < phase.end]


def learning_rate(milestones: str, phase: Phase, epoch: int) -> float:
    """The phase's rate, halved at each of the --milestones (like 60,80,100) that `epoch` has
    reached."""
    reached = sum(epoch >= milestone for milestone in fields.parse_milestones(milestones))
    return phase.learning_rate * 0.5**reached


def stretches(phase: Phase, position: Position) -> Iterator[Stretch]:
    """What is left of a phase from `position` on. The rest of an epoch is a stretch of its own,
    because `fit` gives all epochs of a call the same number of steps."""
    start = max(phase.start, position.epoch)
    if start < phase.end and start == position.epoch and position.step:
        yield Stretch(start, start + 1, position.step)
        start += 1
    if start < phase.end:
        yield Stretch(start, phase.end, 0)
