"""The phases of a run: which stage trains which epochs, at which rate, in which calls of fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aquanet_tf.config import fields
from aquanet_tf.config.options import Config
from aquanet_tf.runs.checkpoint import Position
from aquanet_tf.training.stages import kick_start, stage_one, stage_two
from aquanet_tf.training.stages.stage import Stage


class Phase(NamedTuple):
    """A stretch of epochs [start, end) that one stage trains with one optimizer."""

    name: str
    stage: type[Stage]
    start: int
    end: int
    learning_rate: float


class Stretch(NamedTuple):
    """What one call of `fit` does: the epochs [start, end), without the first `step` steps."""

    start: int
    end: int
    step: int


def phases(options: Config) -> list[Phase]:
    """The phases of a run in order; one without epochs is left out."""
    kick = options.kickstart_epochs
    frozen = kick + options.pose_frozen_epochs
    rate = options.learning_rate
    alone, last = stage_one.DepthAlone, stage_one.StageOne
    if options.stage == "2":
        alone, last = stage_two.DepthAloneTwo, stage_two.StageTwo
    every = [
        Phase("kickstart", kick_start.KickStart, 0, kick, options.kickstart_learning_rate),
        Phase("depth_alone", alone, kick, frozen, rate),
        Phase(f"stage{options.stage}", last, frozen, options.epochs, rate),
    ]
    return [phase for phase in every if phase.start < phase.end]


def learning_rate(options: Config, phase: Phase, epoch: int) -> float:
    """The phase's rate, halved at each milestone that `epoch` has reached."""
    milestones = fields.parse_milestones(options.milestones)
    return phase.learning_rate * 0.5 ** sum(epoch >= milestone for milestone in milestones)


def stretches(phase: Phase, position: Position) -> Iterator[Stretch]:
    """What is left of a phase from `position` on. The rest of an epoch comes alone, because `fit`
    gives every epoch of a call the same number of steps."""
    start = max(phase.start, position.epoch)
    if start < phase.end and start == position.epoch and position.step:
        yield Stretch(start, start + 1, position.step)
        start += 1
    if start < phase.end:
        yield Stretch(start, phase.end, 0)
