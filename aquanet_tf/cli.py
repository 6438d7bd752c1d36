"""What every command line shares: one-line errors, exit codes."""

from __future__ import annotations

import sys
from typing import Callable

from absl import app


def run(main: Callable) -> None:
    """Runs `main(argv)` under absl. A user's error (ValueError, OSError) is printed as one line
    `error: ...` on stderr with exit code 1, without a traceback; anything else is a bug and shows
    its traceback."""

    def guarded(argv):
        if len(argv) > 1:
            sys.exit(f"error: unexpected argument {argv[1]!r}; every option is a --flag")
        try:
            return main(argv)
        except (ValueError, OSError) as error:
            sys.exit(f"error: {error}")

    app.run(guarded)
