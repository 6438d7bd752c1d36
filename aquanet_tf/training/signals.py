"""SIGTERM and SIGINT during a training: the step is finished, the state saved, the process ends.

The exit code is 128 plus the signal's number, the convention of shells: 143 for SIGTERM, 130 for
SIGINT. A second signal kills at once. A worker that gets a signal tells the other workers between
two steps, and all of them stop there with the same code.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading

from absl import logging

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(SystemExit):
    """A signal has stopped the training; `code` is the process's exit code."""


class Interruption:
    """Handles the signals while it is entered (a context manager).

    Inside `deferred` a signal is only noted; the code that can save calls `agreed`, then `stop`.
    Outside, everything is saved already, and `Stopped` is raised at once. Threads other than the
    main one handle no signals, because Python allows no handlers there.

    Attributes:
        highest: number -> the highest of all workers' numbers, waiting for all of them
            (`distribution.highest`); for a single process the number itself.
    """

    def __init__(self):
        self.highest = lambda number: number
        self._noted = 0  # number of the signal that this process got
        self._agreed = 0  # number of the signal that all workers know of
        self._deferring = False
        self._before = {}

    def __enter__(self):
        self._before = _set(dict.fromkeys(SIGNALS, self._handle))
        return self

    def __exit__(self, *_):
        _set(self._before)

    @contextlib.contextmanager
    def released(self):
        """Restores the default handlers while joining a cluster: TensorFlow waits there for the
        other workers without running Python, and installs a handler of SIGTERM, so ours are set
        again afterwards."""
        _set(dict.fromkeys(SIGNALS, signal.SIG_DFL))
        yield
        _set(dict.fromkeys(SIGNALS, self._handle))

    @contextlib.contextmanager
    def deferred(self):
        """Signals are only noted inside."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self.agreed():  # a signal after the last call of `agreed`
            self.stop("everything done so far was saved before")

    def agreed(self) -> int:
        """The number of the signal to stop for, 0 for none. All workers get the same answer, so all
        must call this at the same place. If their signals differ, it is SIGTERM."""
        self._agreed = self._agreed or self.highest(self._noted)
        return self._agreed

    def wait(self):
        """Returns when all workers have called it."""
        self.highest(0)

    def stop(self, saved: str):
        """Raises `Stopped` for the signal. saved: words that say where the state is saved."""
        number = self._agreed or self._noted
        who = "" if self._noted else ", which another worker got"
        logging.warning(
            "stopped by %s%s; %s. Run the same command again to resume",
            signal.Signals(number).name,
            who,
            saved,
        )
        raise Stopped(128 + number)

    def _handle(self, number, _):
        self._noted = number
        if not self._deferring:
            self.stop("everything done so far was saved before")
        # The next signal has its default effect, also in the middle of a long step.
        _set(dict.fromkeys(SIGNALS, signal.SIG_DFL))
        name = signal.Signals(number).name
        logging.warning(
            "%s: finishing the step, then saving (again to kill process %d)", name, os.getpid()
        )


def _set(handlers) -> dict:
    """Sets the handlers (number -> handler) and returns the previous ones; does nothing outside the
    main thread."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number, handler in handlers.items()}
