"""Which callbacks watch a phase: by the options, the stage, and who writes."""

import types
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.config import Config
from aquanet_tf.runs import history
from aquanet_tf.training import schedule
from aquanet_tf.training.stages.kick_start import KickStart
from aquanet_tf.training.watchers import assembly, callbacks, collapse, depth_metrics, intrinsics

FRAMES = ["a frame with ground truth"]


class Measures(tf.keras.callbacks.Callback):
    """In place of DepthMetrics, which needs a run."""

    def __init__(self, *_):
        super().__init__()


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """Without networks and data; returns the sources of the validation batches."""
    sources = []

    def dataset(config, source):
        sources.append(source)
        return [{"target": np.zeros((5, 16, 16, 3))}]

    monkeypatch.setattr(depth_metrics, "DepthMetrics", Measures)
    monkeypatch.setattr(assembly.pipeline, "validation_dataset", dataset)
    monkeypatch.setattr(assembly.first_guess, "read", lambda config: ["a camera"])
    return sources


@pytest.fixture
def watchers(tmp_path):
    def make(chief=True, frames=(), **options):
        config = Config(**{"epochs": 10, "kickstart_epochs": 2, "panels_every": 0, **options})
        return assembly.Watchers(config, tmp_path, ["loss"], list(frames), chief)

    return make


def phase_of(watchers, number=-1):
    """The kick-start is the first phase, the main stage the last."""
    return schedule.phases(watchers.config)[number]


def stage(cameras=None, trains_cameras=False, **more):
    return types.SimpleNamespace(cameras=cameras, trains_cameras=trains_cameras, **more)


def found(watchers, watched=None, number=-1):
    return watchers.of(phase_of(watchers, number), watched or stage())


def kinds(callbacks_of_a_phase):
    return [type(each) for each in callbacks_of_a_phase]


ALL = {"panels_every": 1, "collapse": "warn"}


def test_of_several_workers_only_the_chief_writes(watchers):
    watched = stage(cameras=object(), trains_cameras=True, teacher=object())
    chief = kinds(found(watchers(frames=FRAMES, **ALL), watched))
    other = kinds(found(watchers(chief=False, frames=FRAMES, **ALL), watched))
    writers = {tf.keras.callbacks.TensorBoard, history.History, callbacks.Panels}
    assert set(chief) - set(other) == {*writers, intrinsics.IntrinsicsFile, Measures}
    # What changes the training is the same on all of them, in the same order.
    assert other == [kind for kind in chief if kind in other]
    rates = tf.keras.callbacks.LearningRateScheduler
    assert set(other) == {rates, collapse.CollapseSentinel, callbacks.PreviousEpoch}


def test_metrics_of_depth_are_in_the_logs_before_anybody_writes_them(watchers):
    every = kinds(found(watchers(frames=FRAMES)))
    readers = every.index(tf.keras.callbacks.TensorBoard), every.index(history.History)
    assert every.index(Measures) < min(readers)


def test_cameras_are_written_after_the_history_that_they_read(watchers):
    every = kinds(found(watchers(), stage(cameras=object(), trains_cameras=True)))
    assert every.index(history.History) < every.index(intrinsics.IntrinsicsFile)


def test_cameras_are_written_only_where_they_are_trained(watchers):
    for watched in (stage(), stage(cameras=object()), stage(trains_cameras=True)):
        assert intrinsics.IntrinsicsFile not in kinds(found(watchers(), watched))


def test_depth_is_not_measured_before_it_is_trained(watchers):
    watchers = watchers(frames=FRAMES)
    kick = mock.Mock(spec=KickStart, cameras=None, trains_cameras=False, teacher=None)
    assert Measures not in kinds(found(watchers, kick, 0))
    assert Measures in kinds(found(watchers))
    watchers.frames = []
    assert Measures not in kinds(found(watchers))


def test_what_is_costly_is_made_once(watchers, light):
    watchers = watchers(frames=FRAMES, panels_every=1, data_dir="train")
    first, second = found(watchers, number=0), found(watchers)

    def one(every, kind):
        return next(each for each in every if isinstance(each, kind))

    assert one(first, Measures) is one(second, Measures)
    assert one(first, callbacks.Panels).batch is one(second, callbacks.Panels).batch
    assert light == ["train"]


def test_panels_show_few_samples_of_the_validation_data(watchers, light):
    every = found(watchers(panels_every=3, data_dir="train", val_data_dir="validation"))
    (panels,) = (each for each in every if isinstance(each, callbacks.Panels))
    assert light == ["validation"] and panels.every == 3
    assert len(panels.batch["target"]) == callbacks.Panels.SAMPLES


@pytest.mark.parametrize(
    "options, kind",
    [({"panels_every": 0}, callbacks.Panels), ({"collapse": "off"}, collapse.CollapseSentinel)],
)
def test_what_is_turned_off_is_not_there(watchers, light, options, kind):
    assert kind in kinds(found(watchers(**ALL)))
    light.clear()
    assert kind not in kinds(found(watchers(**{**ALL, **options})))
    assert bool(light) == (kind is not callbacks.Panels)


def test_the_teacher_follows_where_there_is_one(watchers):
    (last,) = (
        each
        for each in found(watchers(kickstart_epochs=3), stage(teacher=object()))
        if isinstance(each, callbacks.PreviousEpoch)
    )
    assert last.start == 3  # the first epoch of the depth network has an untrained one
    for watched in (stage(), stage(teacher=None)):
        assert callbacks.PreviousEpoch not in kinds(found(watchers(), watched))


@pytest.mark.parametrize("number, expected", [(0, 1e-3), (-1, 1e-4)])
def test_rate_and_history_are_those_of_the_phase(watchers, tmp_path, number, expected):
    watchers = watchers(kickstart_learning_rate=1e-3, learning_rate=1e-4, milestones="8")
    phase, every = phase_of(watchers, number), found(watchers, number=number)
    (rates,) = (e for e in every if isinstance(e, tf.keras.callbacks.LearningRateScheduler))
    # Keras calls it with the rate of the optimizer, too.
    assert rates.schedule(phase.start, 0.5) == expected
    (writer,) = (each for each in every if isinstance(each, history.History))
    writer.on_epoch_end(phase.start, {"loss": 0.25})
    (row,) = history.read_history(tmp_path / "history.csv")
    assert (row["phase"], row["loss"]) == (phase.name, "0.25")
    assert float(row["learning_rate"]) == expected
