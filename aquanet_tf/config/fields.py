"""What an option of `Config` knows of itself, and the checks of its value."""

from __future__ import annotations

import dataclasses
import math
from typing import Any


def parse_milestones(text: str) -> tuple[int, ...]:
    """'60,80,100' -> (60, 80, 100); empty -> (). ValueError for anything but whole numbers."""
    try:
        epochs = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        epochs = (-1,)
    if any(epoch < 0 for epoch in epochs):
        raise ValueError(f"--milestones={text!r}: expected whole numbers like 60,80,100")
    return epochs


def option(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
    resumable: bool = False,
    affects: str = "",
    paths: bool = False,
) -> Any:
    """A dataclass field with what is known of an option as its metadata.

    Args:
        default: also gives the option its type: bool, int, float or str.
        help: text of the flag.
        choices: the allowed strings.
        low, high: the smallest and the largest allowed number.
        resumable: may change when a run is resumed, because it alters neither networks nor losses
            nor batches.
        affects: "masks" when the SPIMO masks depend on it, so that other masks are made when it
            changes.
        paths: a path, or several separated by commas.
    """
    rule = {"choices": choices, "low": low, "high": high}
    return dataclasses.field(
        default=default,
        metadata={
            **{"help": help, **rule, "resumable": resumable, "affects": affects, "paths": paths}
        },
    )


def named(table: type, **metadata) -> list[str]:
    """Names of the options of `table` with these metadata, like `named(Config, resumable=True)` or
    `named(Config, affects="masks")`, in the order of the table."""
    return [
        field.name
        for field in dataclasses.fields(table)
        if all(field.metadata[key] == value for key, value in metadata.items())
    ]


def check(field: dataclasses.Field, value: Any) -> None:
    """Raises ValueError when `value` has the wrong type, choice or range."""
    expected = type(field.default)
    accepted = (int, float) if expected is float else (expected,)
    if not isinstance(value, accepted) or (expected is not bool and isinstance(value, bool)):
        raise ValueError(f"--{field.name}={value!r}: expected {expected.__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"--{field.name}={value!r}: expected a finite number")
    rule = field.metadata
    if rule["choices"] and value not in rule["choices"]:
        raise ValueError(f"--{field.name}={value!r}: expected one of {', '.join(rule['choices'])}")
    if rule["low"] is not None and value < rule["low"]:
        raise ValueError(f"--{field.name}={value!r}: must be at least {rule['low']}")
    if rule["high"] is not None and value > rule["high"]:
        raise ValueError(f"--{field.name}={value!r}: must be at most {rule['high']}")


def parse_weights(text: str) -> tuple[float, ...]:
    """'0.7,0.3' -> (0.7, 0.3); empty -> (). ValueError for anything but positive numbers."""
    try:
        weights = tuple(float(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        weights = (0.0,)
    if not all(0 < weight < math.inf for weight in weights):
        raise ValueError(f"--data_weights={text!r}: expected positive numbers like 0.7,0.3")
    return weights
