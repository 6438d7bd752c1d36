"""SIGTERM and SIGINT during a training: the step is finished, the state saved, the process ends.

The exit code is 128 plus the signal's number, as a shell gives it: 143 for SIGTERM, 130 for
SIGINT. A second signal kills at once.
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

    Inside `deferred` a signal is only noted, and whoever can save looks at `asked` and calls
    `stop`; outside, where everything is saved already, `Stopped` is raised at once. In another
    thread than the main one nothing is listened for, as Python allows no handlers there.
    """

    def __init__(self):
        self.asked = 0  # the signal's number
        self._deferring = False
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self):
        """Where signals are noted, not obeyed."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self.asked:  # since the last look at it
            self.stop("everything done so far was saved before")

    def stop(self, saved: str):
        """Raises `Stopped` for the noted signal. saved: where what was done is kept."""
        name = signal.Signals(self.asked).name
        logging.warning("stopped by %s; %s. The same command goes on from there", name, saved)
        raise Stopped(128 + self.asked)

    def _handle(self, number, _):
        self.asked = number
        if not self._deferring:
            self.stop("everything done so far was saved before")
        # The next one has its usual effect, also in the middle of a long step.
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        name = signal.Signals(number).name
        logging.warning(
            "%s: finishing the step, then saving (again to kill process %d)", name, os.getpid()
        )
