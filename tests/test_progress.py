"""Bars on a terminal are tqdm's; in a log file they are few plain lines."""

import io
import time

import pytest

from aquanet_tf import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def seconds(monkeypatch):
    """The clock of bars, in the test's hand: seconds[0]."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    monkeypatch.setattr(progress.Lines, "written", float("-inf"))
    return now


def test_a_log_file_gets_one_line_in_ten_seconds(seconds):
    log = io.StringIO()
    for _ in progress.bar(range(600), desc="drives", unit="drive", file=log):
        seconds[0] += 0.1
    lines = log.getvalue().splitlines()
    assert 4 <= len(lines) <= 6 and not set("\r\x1b") & set(log.getvalue())
    assert all(line.startswith("drives: ") and "/600" in line for line in lines)


def test_a_short_one_says_nothing(seconds):
    log = io.StringIO()
    with progress.bar(total=9, file=log) as bar:
        for name in "abc":
            seconds[0] += 3
            bar.set_description(name)
            bar.update(3)
    assert log.getvalue() == ""


def test_bars_inside_bars_share_the_line(seconds):
    log = io.StringIO()
    for _ in progress.bar(range(4), desc="outer", file=log):
        for _ in progress.bar(range(100), desc="inner", file=log):
            seconds[0] += 0.25
    assert 4 <= len(log.getvalue().splitlines()) <= 10


def test_a_terminal_gets_a_bar(seconds):
    terminal = Terminal()
    for _ in progress.bar(range(3), file=terminal):
        seconds[0] += 1
    assert "\r" in terminal.getvalue() and "3/3" in terminal.getvalue()


def test_keras_writes_one_line_an_epoch_to_a_log_file(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert progress.verbosity() == 2
    monkeypatch.setattr("sys.stdout", Terminal())
    assert progress.verbosity() == 1
