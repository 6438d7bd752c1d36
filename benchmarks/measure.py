"""Compares two implementations of one computation: their times in one process, memory in two.

Time: both run in this process and take turns, in reversed order every round, so that other load of
the machine slows both. Memory: the peaks of two frameworks cannot be separated in one process, so
each runs in a new process.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import multiprocessing
import pathlib
import statistics
import time
from typing import Any, Callable, NamedTuple

FRAMEWORKS = ("tensorflow", "torch")
WARM_UP = 2  # compilation, thread pools, allocator
_STATUS = pathlib.Path("/proc/self/status")


class Setting(NamedTuple):
    """What is computed, and on how many threads."""

    height: int
    width: int
    levels: int
    network_width: float
    threads: int
    seed: int
    batch: int = 1


class Task(NamedTuple):
    """A computation: `cases[framework](setting)` returns a function that does it once.

    If that function has an attribute `more_megabytes`, calling it gives the peak memory of its
    helper processes.
    """

    name: str
    cases: dict[str, Callable[[Setting], Callable[[], Any]]]


class Row(NamedTuple):
    """Medians of one task at one size. seconds and megabytes by framework; the ratio of times is
    the median over rounds of ours / PyTorch."""

    task: str
    setting: Setting
    seconds: dict[str, float]
    time_ratio: float
    megabytes: dict[str, float]


def compare(task: Task, setting: Setting, repeats: int) -> Row:
    """Times and peak memories of one task; `repeats` rounds after the warm-up."""
    for framework in FRAMEWORKS:
        use_threads(framework, setting.threads)
    times = alternate({name: task.cases[name](setting) for name in FRAMEWORKS}, repeats)
    ours, theirs = (times[name] for name in FRAMEWORKS)
    return Row(
        task.name,
        setting,
        {name: statistics.median(values) for name, values in times.items()},
        statistics.median(a / b for a, b in zip(ours, theirs)),
        {name: peak_megabytes(task, setting, name) for name in FRAMEWORKS},
    )


def alternate(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each call by name, `repeats` rounds, the order reversed every round."""
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
    times = {name: [] for name in calls}
    order = list(calls)
    for _ in range(repeats):
        for name in order:
            start = time.perf_counter()
            calls[name]()
            times[name].append(time.perf_counter() - start)
        order.reverse()
    return times


def peak_megabytes(task: Task, setting: Setting, framework: str) -> float:
    """Peak resident memory of the task in a fresh process, above that of its imports; MiB.

    Building the case and compiling it count. NaN where the system has no /proc (not Linux).
    """
    if not _STATUS.exists():
        return float("nan")
    # Spawned, since a fork starts with the memory of this process, and TensorFlow breaks in a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_peak_here, task.cases[framework], setting, framework).result()


def use_threads(framework: str, threads: int) -> None:
    """Imports the framework and gives its arithmetic `threads` threads."""
    module = importlib.import_module(framework)
    if framework == "torch":
        module.set_num_threads(threads)
    else:
        module.config.threading.set_intra_op_parallelism_threads(threads)
        module.config.threading.set_inter_op_parallelism_threads(threads)


def _peak_here(case, setting, framework):
    use_threads(framework, setting.threads)
    before = start_peak()
    run = case(setting)
    for _ in range(WARM_UP + 1):
        run()
    more = getattr(run, "more_megabytes", None)
    return peak() - before + (more() if more else 0.0)


def start_peak() -> float:
    """Resets the peak of this process and returns it, MiB; imports can need more than what stays.

    Not ru_maxrss: a child inherits it, and it cannot be reset.
    """
    if _STATUS.exists():
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> float:
    """Peak resident size of this process since `start_peak`, MiB; NaN without /proc."""
    if not _STATUS.exists():
        return float("nan")
    lines = (line.split() for line in _STATUS.read_text().splitlines())
    return next(int(words[1]) / 1024 for words in lines if words[0] == "VmHWM:")
