import numpy as np
import pytest

from aquanet_tf.config.options import Config
from aquanet_tf.runs.checkpoint import Position
from aquanet_tf.training import schedule


def test_learning_rate_is_halved_at_milestones():
    phase = schedule.phases(Config())[-1]
    rates = [schedule.learning_rate("60,80,100", phase, epoch) for epoch in (59, 60, 80, 109)]
    np.testing.assert_allclose(rates, [1e-4, 5e-5, 2.5e-5, 1.25e-5])


def test_phases_without_epochs_are_left_out():
    names = [phase.name for phase in schedule.phases(Config(kickstart_epochs=0, epochs=2))]
    assert names == ["stage1"]


@pytest.mark.parametrize(
    "position, expected",
    [
        (Position(0), [(2, 5, 0)]),
        (Position(1, 3), [(2, 5, 0)]),  # of an earlier phase
        (Position(2, 3), [(2, 3, 3), (3, 5, 0)]),
        (Position(4, 1), [(4, 5, 1)]),
        (Position(3), [(3, 5, 0)]),
        (Position(5), []),
    ],
)
def test_what_is_left_of_a_phase(position, expected):
    phase = schedule.Phase("stage1", None, 2, 5, 1e-4)
    assert list(schedule.stretches(phase, position)) == expected
