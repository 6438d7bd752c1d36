"""Which callbacks watch which phase of a run."""

from __future__ import annotations

import functools
import pathlib

import tensorflow as tf

from aquanet_tf.config import Config
from aquanet_tf.data import first_guess, pipeline
from aquanet_tf.runs import history
from aquanet_tf.runs.layout import HISTORY_FILE
from aquanet_tf.training import schedule
from aquanet_tf.training.stages.kick_start import KickStart
from aquanet_tf.training.watchers import callbacks, collapse, depth_metrics, intrinsics

# Callbacks that write to the workdir: of several workers the chief alone has them.
_WRITERS = (
    tf.keras.callbacks.TensorBoard,
    history.History,
    callbacks.Panels,
    intrinsics.IntrinsicsFile,
)


class Watchers:
    """Makes the callbacks of each phase; those that are costly to make are shared by all phases.

    Args:
        config: Config of the run; workdir: its directory.
        columns: names of the columns of history.csv.
        frames: frames with ground truth that `depth_metrics` measures; empty: none.
        chief: whether this worker writes to the workdir.
    """

    def __init__(
        self, config: Config, workdir: pathlib.Path, columns: list[str], frames: list, chief: bool
    ):
        self.config = config
        self.workdir = workdir
        self.columns = columns
        self.frames = frames
        self.chief = chief

    def of(self, phase: schedule.Phase, stage) -> list[tf.keras.callbacks.Callback]:
        """The callbacks of a phase, the one that saves checkpoints aside."""
        config = self.config

        def rate(epoch, *_):
            return schedule.learning_rate(config, phase, epoch)

        logdir = self.workdir / "tensorboard"
        watchers = []
        if self.frames and self.chief and not isinstance(stage, KickStart):
            watchers.append(self._depth_metrics)
        watchers += [
            tf.keras.callbacks.LearningRateScheduler(rate),
            tf.keras.callbacks.TensorBoard(str(logdir), write_graph=False),
            history.History(self.workdir / HISTORY_FILE, phase.name, rate, self.columns),
        ]
        if stage.cameras is not None and stage.trains_cameras:
            guesses = first_guess.read(config)
            watchers.append(intrinsics.IntrinsicsFile(self.workdir, guesses))
        if self.chief and config.panels_every:
            panels = callbacks.Panels(logdir / "panels", self._panel_batch, config.panels_every)
            watchers.append(panels)
        if config.collapse != "off":
            watchers.append(collapse.CollapseSentinel(config.collapse, config.beta_max))
        if getattr(stage, "teacher", None) is not None:
            watchers.append(callbacks.PreviousEpoch(config.kickstart_epochs))
        return [each for each in watchers if self.chief or not isinstance(each, _WRITERS)]

    @functools.cached_property
    def _depth_metrics(self):
        """One for all phases: it traces the network."""
        return depth_metrics.DepthMetrics(self.config, self.workdir, self.frames)

    @functools.cached_property
    def _panel_batch(self) -> dict:
        """The samples that the panels of every phase show."""
        source = self.config.val_data_dir or self.config.data_dir
        batch = next(iter(pipeline.validation_dataset(self.config, source)))
        return {name: value[: callbacks.Panels.SAMPLES] for name, value in batch.items()}
