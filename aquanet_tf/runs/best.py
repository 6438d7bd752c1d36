"""The best checkpoint of a run (--keep_best), beside the newest ones.

WORKDIR/best holds a copy of one checkpoint of checkpoints/, and best.json, written after the copy,
which says of how many epochs it is, by which column of history.csv, and the value there. Columns
have six digits, so a resumed run, which reads them from files, decides as one without interruption.
"""

from __future__ import annotations

import pathlib
import shutil

from absl import logging

from aquanet_tf import files
from aquanet_tf.runs import checkpoint
from aquanet_tf.runs.layout import BEST, FINISHED

FILE = "best.json"


class Best:
    """Keeps the best checkpoint of a run.

    Args:
        workdir: directory of the run.
        column: of history.csv.
        larger: whether a larger value is better.
    """

    def __init__(self, workdir: str | pathlib.Path, column: str, larger: bool = False):
        self.workdir = pathlib.Path(workdir)
        self.column = column
        self.larger = larger

    def start(self, epoch: int, row: dict[str, str] | None) -> None:
        """Brings the folder to where the run is: after `epoch` finished epochs.

        Removes what is kept by another column, or of an epoch behind that one: somebody went back.
        row: of history.csv, for the last finished epoch; it counts now if the run was killed
        between its checkpoint and the copy. None where it must not count.
        """
        kept = read(self.workdir)
        if kept and (kept["column"] != self.column or kept["epoch"] > epoch):
            shutil.rmtree(self.workdir / BEST)
        if row is not None:
            self.consider(epoch, {name: value for name, value in row.items() if value})

    def consider(self, epoch: int, values: dict) -> None:
        """Copies the checkpoint of `epoch` finished epochs if it is the best one so far.

        values: of history.csv, by column, for the last of these epochs. Nothing happens without
        this object's column. Raises OSError when the files cannot be written.
        """
        if self.column not in values:
            return
        value = float(f"{float(values[self.column]):.6g}")
        kept = read(self.workdir)
        if kept and not (value > kept["value"] if self.larger else value < kept["value"]):
            return
        name = f"ckpt-{epoch}"
        found = [p for p in (self.workdir / FINISHED).glob("ckpt-*") if p.stem == name]
        if not any(path.suffix == ".index" for path in found):
            return  # removed since: a run of fewer --keep_checkpoints was resumed
        folder = self.workdir / BEST
        for path in found:
            with files.atomic(folder / path.name) as temporary:
                shutil.copyfile(path, temporary)
        files.write(folder / FILE, {"epoch": epoch, "column": self.column, "value": value})
        for path in folder.glob("ckpt-*"):
            if path.stem != name:
                path.unlink()
        logging.info("epoch %d is the best so far: %s %g", epoch - 1, self.column, value)


def read(workdir: str | pathlib.Path) -> dict | None:
    """best.json of a run: `epoch`, `column`, `value`; None without one. Raises ValueError naming a
    damaged file."""
    path = pathlib.Path(workdir) / BEST / FILE
    if not path.is_file():
        return None
    found = files.read(path)
    if not {"epoch", "column", "value"} <= set(found):
        raise ValueError(f"{path}: damaged; remove the folder {path.parent}")
    return found


def find(workdir: str | pathlib.Path, which: str = "newest", flag: str = "workdir") -> str:
    """Path, without suffix, of a checkpoint of finished epochs.

    which: `newest`, `best` (of a run with --keep_best), or a number of finished epochs.
    flag: the flag that named the workdir, for messages.

    Raises ValueError that says which checkpoints there are.
    """
    workdir = pathlib.Path(workdir)
    paths = {checkpoint.position(p)[0]: p for p in checkpoint.complete(workdir / FINISHED)}
    kept = read(workdir)
    if which == "best" and kept is None:
        raise ValueError(
            f"--checkpoint=best: --{flag}={workdir} keeps no best checkpoint; train with "
            "--keep_best, or give newest"
        )
    if kept is not None:
        paths.setdefault(kept["epoch"], str(workdir / BEST / f"ckpt-{kept['epoch']}"))
    if which == "best":
        return str(workdir / BEST / f"ckpt-{kept['epoch']}")
    if not paths:
        raise ValueError(f"--{flag}={workdir}: no checkpoint yet; has a first epoch finished?")
    if which == "newest":
        return paths[max(paths)]
    if not which.isdecimal():
        raise ValueError(
            f"--checkpoint={which!r}: expected newest, best, or a number of finished epochs"
        )
    if int(which) not in paths:
        there = ", ".join(str(epoch) for epoch in sorted(paths))
        raise ValueError(
            f"--checkpoint={which}: --{flag}={workdir} has the checkpoints {there} (numbers of "
            "finished epochs); a training keeps the newest --keep_checkpoints"
        )
    return paths[int(which)]
