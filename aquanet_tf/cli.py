"""What all commands share: errors in one line, exit codes."""

from __future__ import annotations

import logging
import sys
from typing import Callable

import absl.logging
from absl import app, flags


def run(main: Callable, quiet: bool = False) -> None:
    """Runs `main(argv)` under absl.

    A user's error (ValueError, OSError) is printed to stderr as one line, `error: ...`, and gives
    exit code 1. Any other exception is a bug and shows its traceback.

    quiet: do not log TensorFlow's messages about saving and converting, except warnings.
    """

    def guarded(argv):
        if quiet and not flags.FLAGS["verbosity"].present:
            absl.logging.set_verbosity(absl.logging.WARNING)
            logging.getLogger("tensorflow").setLevel(logging.WARNING)
        if len(argv) > 1:
            sys.exit(f"error: unexpected argument {argv[1]!r}; every option is a --flag")
        try:
            return main(argv)
        except (ValueError, OSError) as error:
            sys.exit(f"error: {error}")

    app.run(guarded)
