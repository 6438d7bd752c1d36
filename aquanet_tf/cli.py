"""What all commands share: errors in one line, exit codes."""

from __future__ import annotations

import logging
import os
import sys
from typing import Callable

import absl.logging
from absl import app, flags


def run(main: Callable, quiet: bool = False) -> None:
    """Runs `main(argv)` under absl.

    A user's error (ValueError, OSError) is printed to stderr as one line, `error: ...`, and gives
    exit code 1. Any other exception is a bug and shows its traceback. `~` in flags is the home.

    quiet: do not log TensorFlow's messages about saving and converting, except warnings.
    """

    def guarded(argv):
        if quiet and not flags.FLAGS["verbosity"].present:
            absl.logging.set_verbosity(absl.logging.WARNING)
            logging.getLogger("tensorflow").setLevel(logging.WARNING)
        expand_home(flags.FLAGS)
        if len(argv) > 1:
            sys.exit(f"error: unexpected argument {argv[1]!r}; every option is a --flag")
        try:
            return main(argv)
        except (ValueError, OSError) as error:
            sys.exit(f"error: {error}")

    app.run(guarded)


def expand_home(values: flags.FlagValues) -> None:
    """Replaces a leading `~` or `~user` in every flag that is text, or a list of texts.

    A shell does so in `--out ~/x` only, not in `--out=~/x` or in a flagfile, and then a folder
    named `~` appeared. In a text each part between commas counts, as in `--data_dir=~/a,~/b`.
    """
    for name in values:
        value = values[name].value
        if isinstance(value, str) and "~" in value:
            values[name].value = ",".join(map(os.path.expanduser, value.split(",")))
        elif isinstance(value, list):
            parts = [os.path.expanduser(v) if isinstance(v, str) else v for v in value]
            values[name].value = parts if parts != value else value
