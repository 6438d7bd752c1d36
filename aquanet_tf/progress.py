"""Progress bars that stay quiet in a log file: at most one line in `INTERVAL` seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from tqdm import tqdm

INTERVAL = 10.0  # seconds between two lines where the output is no terminal


def bar(iterable: Iterable | None = None, **options) -> tqdm:
    """A tqdm bar with tqdm's options (total, desc, unit, ...).

    On a terminal it is tqdm's own. Elsewhere it writes plain lines, none before it has run
    `INTERVAL` seconds, and all bars of the process together at most one in `INTERVAL` seconds.

    Args:
        iterable: what to iterate over; None for a bar moved by `update`.
        options: of tqdm; `file` defaults to stderr.
    """
    stream = options.pop("file", None) or sys.stderr
    if not stream.isatty():
        options.update(mininterval=INTERVAL, miniters=1, delay=INTERVAL)
        stream = Lines(stream)
    return tqdm(iterable, file=stream, **options)


def verbosity() -> int:
    """`verbose` of Keras' fit: 1, a bar, on a terminal; else 2, one line an epoch."""
    return 1 if sys.stdout.isatty() else 2


class Lines:
    """A stream for tqdm: keeps the text of bars, drops cursor movements, limits the rate."""

    written = float("-inf")  # time of the last line of any bar

    def __init__(self, stream):
        self._stream = stream
        self._begin = time.monotonic()

    def write(self, text: str) -> None:
        line, now = text.replace("\x1b[A", "").strip(), time.monotonic()
        if line and now - max(self._begin, Lines.written) >= INTERVAL:
            Lines.written = now
            self._stream.write(f"{line}\n")

    def flush(self) -> None:
        self._stream.flush()
