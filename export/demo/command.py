"""A command that runs while something else is shown again and again."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence

EVERY = 10.0  # seconds


def run(command: Sequence[str], show: Callable[[], None], every: float = EVERY) -> int:
    """Runs a command to its end and calls `show` at its start and every `every` seconds.

    Returns its exit code; as a shell does, 128 + the signal where a signal ended it. Raises OSError
    where it cannot be started.
    """
    child = subprocess.Popen(command)
    with _signals_are_for(child):
        while True:
            show()
            try:
                code = child.wait(every)
            except subprocess.TimeoutExpired:
                continue
            return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _signals_are_for(child: subprocess.Popen) -> Iterator[None]:
    """Inside, a signal to stop ends the child, and then the wait for it, never this process alone:
    a training that nobody waits for would run on."""
    # A terminal sends Ctrl-C to the child as well; twice would cut off what it does at its end.
    handlers = {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: lambda *_: child.terminate()}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
