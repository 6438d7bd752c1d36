"""An option of `config.Config`: its default, help text, choices and range, and their check."""

from __future__ import annotations

import dataclasses
import math
from typing import Any


def parse_milestones(text: str) -> tuple[int, ...]:
    """'60,80,100' -> (60, 80, 100); empty -> ()."""
    try:
        epochs = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        epochs = (-1,)
    if any(epoch < 0 for epoch in epochs):
        raise ValueError(f"--milestones={text!r}: expected whole numbers like 60,80,100")
    return epochs


def option(default: Any, help: str, *, choices=None, low=None, high=None) -> Any:
    """A dataclass field that knows its help text, its choices and its closed range."""
    return dataclasses.field(
        default=default,
        metadata={"help": help, "choices": choices, "low": low, "high": high},
    )


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
    """'0.7,0.3' -> (0.7, 0.3); empty -> (). ValueError for what is no positive number."""
    try:
        weights = tuple(float(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        weights = (0.0,)
    if not all(0 < weight < math.inf for weight in weights):
        raise ValueError(f"--data_weights={text!r}: expected positive numbers like 0.7,0.3")
    return weights
