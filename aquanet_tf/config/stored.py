"""A table of options as a JSON file, `config.json` of a workdir."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TypeVar

from aquanet_tf import files
from aquanet_tf.config import retired

Options = TypeVar("Options", bound="Stored")


class Stored:
    """What lets a dataclass of options be written and read."""

    def save(self, path: str | pathlib.Path) -> None:
        """Writes all options as JSON, one per line, whole or not at all."""
        files.write(path, dataclasses.asdict(self))

    @classmethod
    def load(cls: type[Options], path: str | pathlib.Path) -> Options:
        """Reads what `save` wrote. Raises ValueError as `from_values`, and for a missing file."""
        path = pathlib.Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: no such file; is its directory that of a run?")
        return cls.from_values(files.read(path), path)

    @classmethod
    def from_values(cls: type[Options], values: dict, source: str | pathlib.Path) -> Options:
        """The dataclass of options by name. Options that are left out take their defaults.

        values: as `dataclasses.asdict` gives them, now or in an earlier version.
        source: the file that they are from, named in errors.

        Raises ValueError naming options that are unknown, retired (`config.retired`) or bad.
        """
        values = retired.removed(values, source)
        names = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - names):
            raise ValueError(f"{source}: unknown options {unknown}; written by another version?")
        return cls(**values)
