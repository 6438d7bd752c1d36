"""The schedule of a run: which stage trains which epochs, at which learning rate, in which calls of
`fit`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from aquanet_tf.config import fields
from aquanet_tf.config.options import Config
from aquanet_tf.runs.checkpoint import Position
from aquanet_tf.training.stages import kick_start, stage_one, stage_two
from aquanet_tf.training.stages.stage import Stage

# The last rate of a cosine, relative to the first.
_COSINE_END = 0.01
# The rate of the warm-up, relative to that of the schedule.
_WARMUP = 0.1


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


def learning_rate(config: Config, phase: Phase, epoch: int) -> float:
    """The rate of an epoch, by --rate_schedule.

    milestones: the phase's rate, halved at each of the --milestones (like 60,80,100) that `epoch`
    has reached. cosine: after the kick-start half a period of a cosine, from the rate in the first
    epoch to 1 % of it in the last; in the kick-start the rate itself.

    The first --warmup_epochs after the kick-start have a tenth of that.
    """
    full = _scheduled(config, phase, epoch)
    first = config.kickstart_epochs
    return full * _WARMUP if first <= epoch < first + config.warmup_epochs else full


def _scheduled(config: Config, phase: Phase, epoch: int) -> float:
    """The rate of an epoch without a warm-up."""
    if config.rate_schedule == "milestones":
        reached = sum(epoch >= each for each in fields.parse_milestones(config.milestones))
        return phase.learning_rate * 0.5**reached
    first, last = config.kickstart_epochs, config.epochs - 1
    if epoch <= first:
        return phase.learning_rate
    fall = 0.5 * (1.0 + math.cos(math.pi * (epoch - first) / (last - first)))
    return phase.learning_rate * (_COSINE_END + (1.0 - _COSINE_END) * fall)


def stretches(phase: Phase, position: Position) -> Iterator[Stretch]:
    """What is left of a phase from `position` on. The rest of an epoch is a stretch of its own,
    because `fit` gives all epochs of a call the same number of steps."""
    start = max(phase.start, position.epoch)
    if start < phase.end and start == position.epoch and position.step:
        yield Stretch(start, start + 1, position.step)
        start += 1
    if start < phase.end:
        yield Stretch(start, phase.end, 0)
