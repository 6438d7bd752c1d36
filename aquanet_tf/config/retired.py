"""Options of earlier versions that no longer exist.

They were ideas of this project that brought no gain, and no flagfile set them. Runs and flagfiles
of earlier versions may still name them with the value that was kept.
"""

from __future__ import annotations

import pathlib
from typing import Any

# Name -> the value that is now built in.
KEPT = {"beta_lookup": "aligned", "kickstart_pyramid_scales": 4}


def removed(values: dict[str, Any], source: str | pathlib.Path) -> dict[str, Any]:
    """`values` without retired options. ValueError when one of them has another value than the
    kept one; `source` is the file that they are from."""
    for name, kept in KEPT.items():
        if name in values and values[name] != kept:
            raise ValueError(
                f"{source}: --{name}={values[name]} is no longer supported, only {kept} is. Train "
                "again without it, or use the code that wrote the file (run.json names the commit)"
            )
    return {name: value for name, value in values.items() if name not in KEPT}


def check_flag(name: str, text: str) -> None:
    """Raises ValueError when a retired flag has another value than the kept one."""
    if text != str(KEPT[name]):
        raise ValueError(
            f"--{name}={text} is no longer supported, only {KEPT[name]} is: remove the flag from "
            "the command line or the flagfile"
        )
