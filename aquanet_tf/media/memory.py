"""Memory of this machine."""

from __future__ import annotations

import pathlib

_MEMINFO = pathlib.Path("/proc/meminfo")


def memory() -> tuple[float, float]:
    """Total and available memory, GB; NaN where the system does not say."""
    try:
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        values = (lines[name].split()[0] for name in ("MemTotal", "MemAvailable"))
        total, free = (int(value) * 1024 / 1e9 for value in values)
        return total, free
    except (OSError, ValueError, KeyError, IndexError):
        return float("nan"), float("nan")
