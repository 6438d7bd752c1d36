import numpy as np
import pytest

from aquanet_tf.config.options import Config
from aquanet_tf.runs.checkpoint import Position
from aquanet_tf.training import schedule


def test_learning_rate_is_halved_at_milestones():
    config = Config()
    phase = schedule.phases(config)[-1]
    rates = [schedule.learning_rate(config, phase, epoch) for epoch in (59, 60, 80, 109)]
    np.testing.assert_allclose(rates, [1e-4, 5e-5, 2.5e-5, 1.25e-5])


def test_cosine_falls_to_one_percent_after_the_kick_start():
    """Over both phases after it, whatever the milestones; a single epoch has the whole rate."""
    settings = {"rate_schedule": "cosine", "kickstart_epochs": 2, "pose_frozen_epochs": 1}
    config = Config(**settings, epochs=13, learning_rate=1e-2, kickstart_learning_rate=0.5)
    rates = {}
    for phase in schedule.phases(config):
        for epoch in range(phase.start, phase.end):
            rates[epoch] = schedule.learning_rate(config, phase, epoch)
    assert [rates[epoch] for epoch in (0, 1, 2)] == [0.5, 0.5, 1e-2]
    np.testing.assert_allclose([rates[7], rates[12]], [0.505e-2, 1e-4])
    falling = [rates[epoch] for epoch in range(2, 13)]
    assert falling == sorted(falling, reverse=True)
    short = Config(rate_schedule="cosine", kickstart_epochs=1, epochs=2)
    assert schedule.learning_rate(short, schedule.phases(short)[-1], 1) == 1e-4


@pytest.mark.parametrize("how", ["cosine", "milestones"])
def test_a_warm_up_follows_the_kick_start_at_a_tenth_of_the_rate(how):
    settings = {"rate_schedule": how, "milestones": "3", "kickstart_epochs": 2, "epochs": 6}
    plain = Config(**settings, pose_frozen_epochs=1)
    warm = Config(**settings, pose_frozen_epochs=1, warmup_epochs=2)
    for phase in schedule.phases(plain):
        for epoch in range(phase.start, phase.end):
            share = 0.1 if epoch in (2, 3) else 1.0
            expected = share * schedule.learning_rate(plain, phase, epoch)
            assert schedule.learning_rate(warm, phase, epoch) == pytest.approx(expected)


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
