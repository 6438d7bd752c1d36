"""What watches a training run: history file, checkpoints, picture panels, collapse sentinel."""

from __future__ import annotations

import csv
import pathlib

import tensorflow as tf
from absl import logging

from aquanet_tf import visualize

# Below these a run has collapsed: depth varies by less than 2 % of its mean inside an image, or
# the camera moves by less than 1/1000 of a depth unit between frames.
MIN_SPREAD = 0.02
MIN_TRANSLATION = 1e-3


class Collapse(ValueError):
    """Training has collapsed and `--collapse=stop` says to stop."""


class CheckpointCallback(tf.keras.callbacks.Callback):
    """Saves the whole state after every epoch, every few steps inside it, and before the run stops
    because of a signal. Put it last: what it saves is finished.

    Args:
        checkpoints: checkpoints.Checkpoints.
        every: steps between two saves inside an epoch; 0: none.
        position: where the run goes on; the epoch's running means are taken from `checkpoints`.
        interruption: interruption.Interruption, entered.

    Attributes:
        epoch, step: finished epochs, and steps done of the one under way.
        validated: batches of the validation under way; None in training.
    """

    def __init__(self, checkpoints, every, position, interruption):
        super().__init__()
        self.checkpoints = checkpoints
        self.every = every
        self.start = position
        self.interruption = interruption
        self.epoch, self.step, self.validated = *position, None
        self._sums, self._first = None, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.step = epoch, 0
        self._first = self.start.step if epoch == self.start.epoch else 0
        if epoch == self.start.epoch and self.start.step:
            self.step = self.start.step
            for name, (total, count) in self.checkpoints.sums.items():
                if mean := self.model.means.get(name):
                    mean.total.assign(total)
                    mean.count.assign(count)

    def on_train_batch_end(self, batch, logs=None):
        before, self.step = self.step, self._first + batch + 1  # the last one of an execution
        due = self.every and self.step // self.every > before // self.every
        # Asked first: all workers must ask the same number of times.
        if self.interruption.agreed() or due:
            self._save()

    def on_test_begin(self, logs=None):
        self.validated = 0
        # Validation uses the same means.
        self._sums = self._read_sums()

    def on_test_batch_end(self, batch, logs=None):
        self.validated += 1
        if self.interruption.agreed():
            self._save()

    def on_test_end(self, logs=None):
        self.validated = None

    def on_epoch_end(self, epoch, logs=None):
        self.checkpoints.save(epoch + 1)
        self._stop()

    def _save(self):
        sums = self._read_sums() if self.validated is None else self._sums
        self.checkpoints.save(self.epoch, self.step, sums)
        self._stop()

    def _stop(self):
        if self.interruption.agreed():
            self.interruption.wait()  # for the worker that writes
            self.interruption.stop(f"saved as {self.checkpoints.newest()}")

    def _read_sums(self):
        means = self.model.means.items()
        return {name: (mean.total.numpy(), mean.count.numpy()) for name, mean in means}


class PreviousEpoch(tf.keras.callbacks.Callback):
    """Keeps the stage's teacher the network of the previous epoch. Put it before the checkpoint.

    Args:
        start: first epoch that trains the depth network; it has no previous one, so its boosting
            loss does not count.
    """

    def __init__(self, start):
        super().__init__()
        self.start = start

    def on_epoch_begin(self, epoch, logs=None):
        self.model.teacher_trained.assign(float(epoch > self.start))

    def on_epoch_end(self, epoch, logs=None):
        self.model.teacher.set_weights(self.model.aquanet.get_weights())


class History(tf.keras.callbacks.Callback):
    """One line an epoch in workdir/history.csv: epoch, phase, learning rate, every mean.

    Lines of epochs that a resumed run does again are replaced, so the file holds each epoch once.
    Columns that a phase does not have stay empty.

    Args:
        path: the file.
        phase: name written on each line.
        rate: function, epoch -> learning rate.
        columns: names of all phases' means.
    """

    def __init__(self, path, phase, rate, columns):
        super().__init__()
        self.path = pathlib.Path(path)
        self.phase = phase
        self.rate = rate
        self.columns = ["epoch", "phase", "learning_rate", *columns]

    def on_epoch_end(self, epoch, logs=None):
        row = {name: f"{float(value):.6g}" for name, value in (logs or {}).items()}
        row.update(epoch=epoch, phase=self.phase, learning_rate=f"{self.rate(epoch):.6g}")
        rows = [old for old in read_history(self.path) if int(old["epoch"]) < epoch] + [row]
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        temporary.replace(self.path)


class Panels(tf.keras.callbacks.Callback):
    """Every n epochs, one TensorBoard picture: target, inverse depth, beta, the two synthesised
    views and what of them counts in the loss, in stage 2 the target's static mask, for the first
    samples of a fixed batch."""

    SAMPLES = 2

    def __init__(self, logdir, batch, every):
        super().__init__()
        self.writer = tf.summary.create_file_writer(str(logdir))
        self.batch = batch
        self.every = every

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        _, _, pictures = self.model.forward(self.batch)
        with self.writer.as_default():
            tf.summary.image("panel", self._panel(pictures)[None], step=epoch)
            if "beta" in pictures:
                tf.summary.histogram("beta", pictures["beta"], step=epoch)
        self.writer.flush()

    def _panel(self, pictures):
        config = self.model.config
        limits = (config.inverse_depth_min, config.inverse_depth_max)
        rows, labels = [], ["target", "inverse depth"]
        labels += ["beta"] * ("beta" in pictures)
        labels += ["synthesised previous", "synthesised next"][: len(pictures["views"])]
        weights = list(pictures.get("weights", []))
        labels += ["weight of previous", "weight of next"][: len(weights)]
        labels += ["static"] * ("static" in pictures)
        masks = weights + [pictures[name] for name in ("static",) if name in pictures]
        for i in range(min(self.SAMPLES, self.batch["target"].shape[0])):
            inverse_depth = pictures["inverse_depth"][i, ..., 0].numpy()
            row = [_bytes(self.batch["target"][i])]
            row.append(visualize.colour_inverse_depth(inverse_depth, *limits))
            if "beta" in pictures:
                beta = pictures["beta"][i, ..., 0].numpy()
                row.append(visualize.colour_beta(beta, config.beta_max))
            row += [_bytes(view[i]) for view in pictures["views"]]
            row += [_bytes(tf.repeat(mask[i], 3, axis=-1)) for mask in masks]
            rows.append(row)
        return visualize.grid(rows, labels)


class CollapseSentinel(tf.keras.callbacks.Callback):
    """Warns or stops, with advice, when depth turns constant or ego-motion vanishes."""

    def __init__(self, action):
        super().__init__()
        self.action = action

    def on_epoch_end(self, epoch, logs=None):
        advice = diagnose(logs or {})
        if advice and self.action == "stop":
            raise Collapse(f"epoch {epoch}: {advice} (--collapse=stop)")
        if advice:
            logging.warning("epoch %d: %s", epoch, advice)


def diagnose(logs):
    """Advice for the means of an epoch, or None when they look sound."""
    if logs.get("translation", 1.0) < MIN_TRANSLATION:
        return (
            f"ego-motion has vanished (mean |t| = {logs['translation']:.2g}): train more "
            "--kickstart_epochs, use --pose_form=antisymmetric and --kickstart_pyramid_scales=4, "
            "and check that the triplets move (data_prep --min_speed)"
        )
    if logs.get("spread", 1.0) < MIN_SPREAD:
        return (
            f"depth has become constant (spread {logs['spread']:.2g} of its mean): lower "
            "--learning_rate or --smoothness_weight, train more --kickstart_epochs, and check the "
            "intrinsics of the data set"
        )
    return None


def read_history(path):
    """Rows of a history file as dictionaries of strings; none if there is no file yet."""
    path = pathlib.Path(path)
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _bytes(image):
    """RGB [H,W,3] in [0,1] -> uint8."""
    return tf.cast(tf.clip_by_value(image, 0.0, 1.0) * 255.0 + 0.5, tf.uint8).numpy()
