"""SIGTERM and SIGINT during a training: the step is finished, the state saved, the process ends.

The exit code is 128 plus the signal's number, as a shell gives it: 143 for SIGTERM, 130 for
SIGINT. A second signal kills at once. Of several workers one that gets a signal tells the others
between two steps, and all of them stop there with its code.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading

from absl import logging

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(SystemExit):
    """The training has stopped because of a signal; `code` is the process's exit code."""


class Interruption:
    """Listens for the signals while it is entered.

    Inside `deferred` a signal is only noted, and whoever can save asks `agreed` and calls `stop`;
    outside, where everything is saved already, `Stopped` is raised at once. In another thread than
    the main one nothing is listened for, as Python allows no handlers there.

    Attributes:
        highest: number -> the highest of all workers' numbers, which waits for all of them
            (`strategy.highest`); of a process alone its own.
    """

    def __init__(self):
        self.highest = lambda number: number
        self._noted = 0  # number of the signal that this process got
        self._agreed = 0  # and of that which all workers know of
        self._deferring = False
        self._before = {}

    def __enter__(self):
        self._before = _set(dict.fromkeys(SIGNALS, self._handle))
        return self

    def __exit__(self, *_):
        _set(self._before)

    @contextlib.contextmanager
    def released(self):
        """Where signals end the process as if nobody listened, for joining a cluster: TensorFlow
        waits there for the other workers without letting Python run, and takes SIGTERM for itself,
        so the handlers must be set again."""
        _set(dict.fromkeys(SIGNALS, signal.SIG_DFL))
        yield
        _set(dict.fromkeys(SIGNALS, self._handle))

    @contextlib.contextmanager
    def deferred(self):
        """Where signals are noted, not obeyed."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self.agreed():  # since the last time that somebody asked
            self.stop("everything done so far was saved before")

    def agreed(self) -> int:
        """The number of the signal to stop for, 0 for none. All workers get the same answer, and
        so must all ask at the same place. Of different signals it is SIGTERM."""
        self._agreed = self._agreed or self.highest(self._noted)
        return self._agreed

    def wait(self):
        """Returns when all workers have come here."""
        self.highest(0)

    def stop(self, saved: str):
        """Raises `Stopped` for the signal. saved: where what was done is kept."""
        number = self._agreed or self._noted
        who = "" if self._noted else ", which another worker got"
        logging.warning(
            "stopped by %s%s; %s. The same command goes on from there",
            signal.Signals(number).name,
            who,
            saved,
        )
        raise Stopped(128 + number)

    def _handle(self, number, _):
        self._noted = number
        if not self._deferring:
            self.stop("everything done so far was saved before")
        # The next one has its usual effect, also in the middle of a long step.
        _set(dict.fromkeys(SIGNALS, signal.SIG_DFL))
        name = signal.Signals(number).name
        logging.warning(
            "%s: finishing the step, then saving (again to kill process %d)", name, os.getpid()
        )


def _set(handlers) -> dict:
    """Sets the handlers (number -> handler) and returns those before; none in another thread than
    the main one."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number, handler in handlers.items()}
