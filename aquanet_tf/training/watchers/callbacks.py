"""Keras callbacks of a training: checkpoints, the teacher of stage 2, image panels."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.media import color, sheet


class CheckpointCallback(tf.keras.callbacks.Callback):
    """Saves the whole state after every epoch, every few steps inside it, and before a signal stops
    the run. Put it last in the list: the other callbacks must be done with an epoch it saves.

    Args:
        checkpoints: runs.checkpoint.Checkpoints.
        every: steps between two saves inside an epoch; 0: none.
        position: where the run resumes; the epoch's running means are taken from `checkpoints`.
        interruption: signals.Interruption, entered.
        best: runs.best.Best, which keeps the best epoch; None: nothing is kept.

    Attributes:
        epoch, step: finished epochs, and finished steps of the current one.
        validated: finished batches of the validation; None during training.
    """

    def __init__(self, checkpoints, every, position, interruption, best=None):
        super().__init__()
        self.checkpoints = checkpoints
        self.best = best
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
        before, self.step = self.step, self._first + batch + 1  # the last one of several
        due = self.every and self.step // self.every > before // self.every
        # `agreed` first: all workers must call it equally often.
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
        if self.best is not None:
            self.best.consider(epoch + 1, logs or {})
        self._stop()

    def _save(self):
        sums = self._read_sums() if self.validated is None else self._sums
        self.checkpoints.save(self.epoch, self.step, sums)
        self._stop()

    def _stop(self):
        if self.interruption.agreed():
            self.interruption.wait()  # until the chief has written
            self.interruption.stop(f"saved as {self.checkpoints.newest()}")

    def _read_sums(self):
        means = self.model.means.items()
        return {name: (mean.total.numpy(), mean.count.numpy()) for name, mean in means}


class PreviousEpoch(tf.keras.callbacks.Callback):
    """Copies the depth network, or its average, to the stage's teacher after every epoch. Put it
    before the saver.

    Args:
        start: first epoch that trains the depth network. Its teacher is untrained, so its boosting
            loss counts 0.
    """

    def __init__(self, start):
        super().__init__()
        self.start = start

    def on_epoch_begin(self, epoch, logs=None):
        self.model.teacher_trained.assign(float(epoch > self.start))

    def on_epoch_end(self, epoch, logs=None):
        self.model.teacher.set_weights(self.model.used_networks.aquanet.get_weights())


class Panels(tf.keras.callbacks.Callback):
    """Every few epochs, one TensorBoard image of the first samples of a fixed batch.

    It shows target, inverse depth, beta, the two synthesized views and their weights in the loss,
    and in stage 2 the target's static mask.

    Args:
        logdir: where the events are written; batch: of `data.pipeline`; every: in epochs.
    """

    SAMPLES = 2

    def __init__(self, logdir, batch, every):
        super().__init__()
        self.writer = tf.summary.create_file_writer(str(logdir))
        self.batch = batch
        self.every = every

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        images = self.model.forward(self.batch, self.model.used_networks).images
        with self.writer.as_default():
            tf.summary.image("panel", self._panel(images)[None], step=epoch)
            if "beta" in images:
                tf.summary.histogram("beta", images["beta"], step=epoch)
        self.writer.flush()

    def _panel(self, images):
        config = self.model.config
        limits = (config.inverse_depth_min, config.inverse_depth_max)
        rows, labels = [], ["target", "inverse depth"]
        labels += ["beta"] * ("beta" in images)
        labels += ["synthesized previous", "synthesized next"][: len(images["views"])]
        weights = list(images.get("weights", []))
        labels += ["weight of previous", "weight of next"][: len(weights)]
        labels += ["static"] * ("static" in images)
        masks = weights + [images[name] for name in ("static",) if name in images]
        for i in range(min(self.SAMPLES, self.batch["target"].shape[0])):
            inverse_depth = images["inverse_depth"][i, ..., 0].numpy()
            row = [_bytes(self.batch["target"][i])]
            row.append(color.color_inverse_depth(inverse_depth, *limits))
            if "beta" in images:
                beta = images["beta"][i, ..., 0].numpy()
                row.append(color.color_beta(beta, config.beta_max))
            row += [_bytes(view[i]) for view in images["views"]]
            row += [_bytes(tf.repeat(mask[i], 3, axis=-1)) for mask in masks]
            rows.append(row)
        return sheet.grid(rows, labels)


def _bytes(image):
    """RGB [H,W,3] in [0,1] -> uint8."""
    return tf.cast(tf.clip_by_value(image, 0.0, 1.0) * 255.0 + 0.5, tf.uint8).numpy()
