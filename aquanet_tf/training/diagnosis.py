"""Errors that end a training early, explained: a tensor that is not finite, a full disk.

A step that meets NaN or Inf stops before its update. The failing step is then replayed eagerly to
locate the tensor: its batch follows from the position in the run. Normal steps have no overhead.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import tensorflow as tf

from aquanet_tf.data import pipeline

_FULL = ("No space left", "File too large", "Disk quota")


@contextlib.contextmanager
def explained(config, workdir, saver, masks=None):
    """Around a call of `fit` or `evaluate`: raises ValueError, naming tensor and samples, where
    something is not finite, and OSError for a full disk; any other error unchanged.

    Args:
        config: Config of the run; workdir: its directory.
        saver: the callbacks.CheckpointCallback of the call, which knows the position.
        masks: directories of the static masks of the batches, one for each data set.
    """
    try:
        yield
    except tf.errors.OpError as error:
        text = str(error)
        if "is not finite" in text:
            raise ValueError(_not_finite(text, config, saver, masks)) from error
        if any(reason in text for reason in _FULL):
            kept = saver.checkpoints.newest()
            raise OSError(f"{workdir}: is full; the last good checkpoint is {kept}") from error
        raise
    except OSError as error:
        if error.filename or error.errno is None:
            raise
        raise OSError(f"{workdir}: {error.strerror}") from error


def _not_finite(text, config, saver, masks):
    """The message: which tensor of the failed step is not finite, for which samples, what to do."""
    # `fit` returns to Python once in so many steps: the one that failed is among them.
    count = config.steps_per_execution
    networks = saver.model.networks
    if saver.validated is None:
        where, first = f"epoch {saver.epoch}, step", saver.step
        data = pipeline.training_dataset(config, saver.epoch, saver.epoch + 1, masks, first)
    else:
        where, first = f"validation of epoch {saver.epoch}, batch", saver.validated
        data = pipeline.validation_dataset(config, config.val_data_dir).skip(first)
        networks = saver.model.used_networks
    for offset, batch in enumerate(data.take(count)):
        place = f"{where} {first + offset}"
        keys = [key.decode() for key in batch["key"].numpy()]
        inputs = {name: value for name, value in batch.items() if name != "key"}
        if culprit := find(saver.model, inputs, networks):
            break
    else:  # not reproduced: the arithmetic is not deterministic
        line = next(line for line in text.splitlines() if "is not finite" in line)
        tensor = line[line.index("the ") : line.index("is not finite")].strip()
        culprit = Culprit(tensor, list(range(len(keys))))
    return (
        f"{place}: {culprit.tensor} is not finite, samples "
        f"{', '.join(keys[i] for i in culprit.samples)} of the batch {', '.join(keys)}. Training "
        f"stopped before the update; the last good checkpoint is {saver.checkpoints.newest()}. "
        "Resume from it with the same command and a lower --learning_rate or --clip_norm=1"
    )


class Culprit(NamedTuple):
    """tensor: the first one that is not finite, in words; samples: the places in the batch of the
    samples that cause it, all places where that is unknown."""

    tensor: str
    samples: list[int]


def find(stage, batch, networks) -> Culprit | None:
    """The first tensor of a step that is not finite, or None: the batch, the networks' weights, the
    loss terms, the gradients, in this order.

    Args:
        stage: a `stages.stage.Stage`; batch: of `data.pipeline`, without keys.
        networks: those of the step, `Stage.networks` or in a validation `Stage.used_networks`.
    """
    everyone = list(range(batch["target"].shape[0]))
    for name, value in batch.items():
        if value.dtype.is_floating and (rows := _bad_rows(value)):
            return Culprit(f"the batch's {name}", rows)
    for weight in [*networks.aquanet.weights, *networks.posenet.weights]:
        if not _finite(weight):
            return Culprit(f"the weight {name_of(weight)}", everyone)
    with tf.GradientTape() as tape:
        terms = stage.forward(batch, networks).terms
        loss = sum(term.weight * tf.reduce_mean(term.value) for term in terms.values())
    for name, term in terms.items():
        if rows := _bad_rows(term.value):
            return Culprit(f"the {name} loss", rows)
    trained = list(stage.trained)
    gradients = tape.gradient(loss, trained)
    for variable, gradient in zip(trained, gradients):
        if gradient is not None and not _finite(gradient):
            return Culprit(f"the gradient of {name_of(variable)}", everyone)
    return None


def name_of(variable) -> str:
    """A variable's name with its network and layer, on either Keras."""
    return getattr(variable, "path", variable.name).split(":")[0]


def _finite(tensor) -> bool:
    return bool(tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(tensor))))


def _bad_rows(tensor) -> list[int]:
    """Indices along the first axis of the samples that are not finite."""
    finite = tf.math.is_finite(tensor)
    finite = tf.reduce_all(tf.reshape(finite, [tf.shape(finite)[0], -1]), axis=1)
    return [i for i, good in enumerate(finite.numpy()) if not good]
