"""Checkpoints of a run: the whole state of a training, written and restored.

A checkpoint holds the networks, the optimizers, the position in the run and the running means of
the current epoch. Variables have names chosen here (tf.train.Checkpoint over a dictionary), and no
code is stored: a checkpoint loads into networks built by this package, on Keras 2 and 3 alike.

checkpoints/ckpt-EPOCH is written after every epoch. unfinished/epoch-EPOCH-step-STEP is written
before the first step and inside an epoch; there is at most one, removed when the epoch ends.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import tempfile
from typing import NamedTuple

import tensorflow as tf

from aquanet_tf import files
from aquanet_tf.runs.layout import BEST, CONFIG_FILE, FINISHED, UNFINISHED


class Position(NamedTuple):
    """How far a run is: finished epochs, and finished steps of the current epoch."""

    epoch: int
    step: int = 0


class Checkpoints:
    """Saves and restores the whole state of a training run.

    Args:
        workdir: directory of the run.
        networks: name -> network.
        optimizers: name -> optimizer, or anything else with `variables`; empty for inference.
        keep: number of newest checkpoints of finished epochs to keep.
        means: names of the running means.
        writes: whether `save` writes files; of several workers only the chief does.
    """

    def __init__(self, workdir, networks, optimizers, keep=3, means=(), writes=True):
        self.workdir = pathlib.Path(workdir)
        self.keep = keep
        self.writes = writes
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._sums = {name: tf.Variable([0.0, 0.0], trainable=False) for name in means}
        self._weights = {name: named_weights(network) for name, network in networks.items()}
        state = {name: _numbered(optimizer.variables) for name, optimizer in optimizers.items()}
        self._networks = tf.train.Checkpoint(epoch=self.epoch, **self._weights)
        self._checkpoint = tf.train.Checkpoint(
            epoch=self.epoch, step=self.step, sums=self._sums, **self._weights, **state
        )
        # Otherwise made on first use; but either all workers make a variable or none does.
        _ = self._checkpoint.save_counter
        groups = [*self._weights.values(), *state.values()]
        self._bytes = sum(v.dtype.size * v.shape.num_elements() for g in groups for v in g.values())

    def restore(self, unfinished=True):
        """Restores the newest checkpoint and returns its `Position`; None if there is none.

        unfinished: consider the one inside an epoch, too. Raises ValueError as `restore_from`.
        """
        path = self.newest(unfinished)
        return None if path is None else self.restore_from(path)

    def restore_from(self, path):
        """Restores the checkpoint `path`, without suffix, and returns its `Position`.

        Networks that the checkpoint holds beside those of this object are ignored. Raises
        ValueError that says which: a file is gone or unreadable, it is damaged, or it does not fit
        the networks.
        """
        path = pathlib.Path(path)
        _require_files(path)
        try:
            with files.plain_folder(path.parent) as folder:
                plain = str(folder / path.name)
                status = self._networks.restore(plain).expect_partial()
                status.assert_existing_objects_matched()
                # Not asserted: with more --epochs a resumed run may gain a phase and its optimizer,
                # and checkpoints of earlier versions have no step and no sums.
                self._checkpoint.restore(plain).expect_partial()
        except (AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
            raise ValueError(f"{path}: {self._fault(error)}") from error
        return Position(int(self.epoch.numpy()), int(self.step.numpy()))

    def newest(self, unfinished=True):
        """Path of the newest complete checkpoint, without suffix; None if there is none."""
        found = complete(self.workdir / FINISHED)
        if unfinished:
            found += complete(self.workdir / UNFINISHED)
        return max(found, key=position, default=None)

    @property
    def sums(self):
        """Name -> (sum, count) of the running means, as saved or restored last."""
        return {name: tuple(sums.numpy()) for name, sums in self._sums.items()}

    def save(self, epoch, step=0, sums=None):
        """Writes the checkpoint `step` steps after `epoch` finished epochs, whole or not at all.

        sums: name -> (sum, count) of the current epoch's running means. Raises ValueError when a
        weight is not finite and OSError when the files cannot be written; earlier checkpoints stay
        as they are.
        """
        kept = f"the last good checkpoint is {self.newest()}"
        self._refuse_not_finite(kept)
        self.epoch.assign(epoch)
        self.step.assign(step)
        for name, pair in (sums or {}).items():
            self._sums[name].assign(pair)
        if not self.writes:
            return
        inside = step > 0 or epoch == 0
        folder = self.workdir / (UNFINISHED if inside else FINISHED)
        name, number = (f"epoch-{epoch}-step", step) if inside else ("ckpt", epoch)
        _remove_temporary(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with files.plain_folder(folder) as plain:
                manager = tf.train.CheckpointManager(
                    self._checkpoint, str(plain), 1 if inside else self.keep, checkpoint_name=name
                )
                manager.save(checkpoint_number=number)
        except (tf.errors.OpError, OSError) as error:
            path = folder / f"{name}-{number}"
            _remove_temporary(folder)
            if str(path) not in complete(folder):
                for file in folder.glob(f"{path.name}.*"):
                    file.unlink()
            raise OSError(
                f"{path}: cannot be written ({_reason(error)}); {kept}. Make room "
                f"(a checkpoint takes {self._bytes / 1e6:,.1f} MB) and run the same command again"
            ) from error
        if not inside and (self.workdir / UNFINISHED).exists():
            # Its list first: an interrupted removal then leaves nothing that looks complete.
            (self.workdir / UNFINISHED / "checkpoint").unlink(missing_ok=True)
            shutil.rmtree(self.workdir / UNFINISHED)

    def require_room(self, more=0):
        """Raises OSError when the workdir is not writable or has no room for the checkpoints: those
        to keep, the one inside an epoch, and one more while it is written.

        more: 1 when the best checkpoint is kept, too (`runs.best`).
        """
        folders = (self.workdir / FINISHED, self.workdir / UNFINISHED)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        folders += (self.workdir / BEST,)
        present = sum(p.stat().st_size for f in folders for p in f.glob("*") if p.is_file())
        needed = max(self._bytes, (self.keep + 2 + more) * self._bytes - present)
        free = shutil.disk_usage(self.workdir).free
        if free < needed:
            raise OSError(
                f"--workdir={self.workdir}: {free / 1e6:,.1f} MB free, its checkpoints need "
                f"{needed / 1e6:,.1f} MB more ({self._bytes / 1e6:,.1f} MB each); make room or "
                "lower --keep_checkpoints"
            )

    def _fault(self, error) -> str:
        """What an error of restoring says about the checkpoint. Only one whose bytes are wrong is
        called damaged: a reader may remove it."""
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        if isinstance(error, (AssertionError, ValueError)):
            return f"does not fit the networks of {self.workdir / CONFIG_FILE} ({reason})"
        # TensorFlow's kinds for wrong checksums, and for files that are cut off.
        damaged = isinstance(error, (tf.errors.DataLossError, IndexError))
        if damaged or type(error) is tf.errors.OpError:
            return f"is damaged ({reason}). Remove its files to go back to an older one"
        return f"cannot be restored ({reason})"

    def _refuse_not_finite(self, kept):
        for network, weights in self._weights.items():
            for name, weight in weights.items():
                if not tf.reduce_all(tf.math.is_finite(weight)):
                    raise ValueError(f"the weight {network}/{name} is not finite; {kept}")


def complete(folder):
    """Paths, without suffix, of the checkpoints that the folder lists as complete and contains."""
    with files.plain_folder(folder) as plain:
        state = tf.train.get_checkpoint_state(str(plain))
    names = [
        pathlib.Path(path).name for path in (state.all_model_checkpoint_paths if state else [])
    ]
    paths = [str(pathlib.Path(folder) / name) for name in names]
    return [path for path in paths if pathlib.Path(f"{path}.index").is_file()]


def begun(workdir) -> bool:
    """Whether a workdir has a checkpoint, so that a run in it is resumed."""
    workdir = pathlib.Path(workdir)
    return any(complete(workdir / folder) for folder in (FINISHED, UNFINISHED))


def holds(path, network):
    """Whether the checkpoint `path`, without suffix, has weights of the network of this name.

    Raises ValueError, IndexError or tf.errors.OpError for one that cannot be read.
    """
    path = pathlib.Path(path)
    with files.plain_folder(path.parent) as folder:
        names = [name for name, _ in tf.train.list_variables(str(folder / path.name))]
    return any(name.startswith(f"{network}/") for name in names)


def position(path):
    """Position from the name of a checkpoint: ckpt-EPOCH or epoch-EPOCH-step-STEP."""
    return tuple(int(number) for number in re.findall(r"-(\d+)", pathlib.Path(path).name))


def _require_files(path):
    """Raises ValueError that names a file of a checkpoint that is missing or cannot be read."""
    data = sorted(p for p in path.parent.glob("*") if p.name.startswith(f"{path.name}.data-"))
    for file in [path.with_name(f"{path.name}.index"), *data]:
        try:
            file.open("rb").close()
        except OSError as error:
            raise ValueError(f"{path}: {file.name} cannot be read ({error.strerror})") from error
    if not data:
        raise ValueError(f"{path}: {path.name}.data-* is missing")


def _remove_temporary(folder):
    """Removes the files of an interrupted save. Only the run itself may call it."""
    for path in [p for end in ("*_temp", "*.tempstate*", "*.tmp*") for p in folder.glob(end)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _reason(error):
    """The operating system's reason, from an error that may be TensorFlow's."""
    text = getattr(error, "message", None) or str(error)
    return text.splitlines()[0].split(" [Op:")[0].rpartition("; ")[2]


def named_weights(network):
    """Name within the network -> tf.Variable, the same names on Keras 2 and 3."""
    named = {}
    for weight in network.weights:
        path = getattr(weight, "path", weight.name).split(":")[0]
        named[path.split("/", 1)[1]] = tf_variable(weight)
    if len(named) != len(network.weights):
        raise RuntimeError(
            f"weights of {network.name} share names: a layer lacks a name of its own"
        )
    return named


def averaged(network):
    """The name in a checkpoint of the average of a network's weights (--ema)."""
    return f"{network}_average"


def used_name(path, network):
    """The name under which the checkpoint `path` holds the weights that a network is used with:
    their average where there is one, else the network's own name."""
    try:
        found = holds(path, averaged(network))
    except (ValueError, IndexError, tf.errors.OpError):
        return network  # a damaged checkpoint, which restoring it will name
    return averaged(network) if found else network


def _numbered(variables):
    return {f"{i:05d}": tf_variable(variable) for i, variable in enumerate(variables)}


def tf_variable(variable):
    """The tf.Variable inside a Keras 3 variable; a Keras 2 variable is one already."""
    return variable.value if hasattr(variable, "path") else variable
