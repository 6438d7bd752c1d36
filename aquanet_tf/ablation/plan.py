"""An ablation: its rows, and the command lines and places of their trainings and evaluations."""

from __future__ import annotations

import dataclasses
import pathlib

from aquanet_tf.config import command_line
from aquanet_tf.config.options import Config


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table, as `plan_file` describes it. `stage1` and `of` are keys or empty."""

    key: str
    name: str
    experiment: str = ""
    flagfile: str = ""
    flags: tuple[str, ...] = ()
    stage1: str = ""
    of: str = ""
    evaluate: tuple[str, ...] = ()

    @property
    def trained(self) -> str:
        """Key of the row whose training this one uses: its own unless `of` names another."""
        return self.of or self.key


@dataclasses.dataclass(frozen=True)
class Plan:
    """A complete ablation: rows chosen, directories filled in, --quick applied."""

    title: str
    out: pathlib.Path
    rows: dict[str, Row]
    seeds: tuple[int, ...]
    data: tuple[str, ...]
    data_dir: str
    gt_dir: str
    figures: dict[str, tuple[str, ...]]
    quick: bool

    def workdir(self, key: str, seed: int) -> pathlib.Path:
        """Workdir of the training that row `key` uses."""
        return self.out / "runs" / self.rows[key].trained / f"seed{seed}"

    def evaluation(self, key: str, seed: int) -> pathlib.Path:
        """JSON file of the evaluation of row `key`."""
        return self.out / "evaluations" / key / f"seed{seed}.json"

    def training_flags(self, key: str, seed: int) -> list[str]:
        """The command line of its training, without --workdir."""
        row = self.rows[key]
        stage = ["--stage=1"]
        if row.stage1:
            stage = ["--stage=2", f"--stage1_workdir={self.workdir(row.stage1, seed)}"]
        return [
            f"--flagfile={row.flagfile}",
            *stage,
            *row.flags,
            f"--seed={seed}",
            f"--data_dir={self.data_dir}",
        ]

    def config(self, key: str, seed: int) -> Config:
        """`training_flags` as a Config. Raises ValueError naming the row and the bad flag."""
        try:
            return command_line.parse(self.training_flags(key, seed))
        except ValueError as error:
            raise ValueError(f"row {key}: {error}") from error
