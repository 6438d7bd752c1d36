"""How two implementations of one computation are compared: time side by side, memory apart.

Time: both live in this process and take turns, the order reversed every round, so that a machine
that slows down slows both. Memory: the peak of one cannot be told from the other's in one process,
so each runs in a fresh process of its own.
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


class Task(NamedTuple):
    """A computation: `cases[framework](setting)` returns a function that does it once."""

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
    # Not forked: a fork would start with this process' memory, and TensorFlow does not survive it.
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
    # The peak of importing can exceed what stays: start the mark anew, from here. Not ru_maxrss,
    # which a child inherits from its parent and nothing can reset.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmHWM")
    run = case(setting)
    for _ in range(WARM_UP + 1):
        run()
    return _resident("VmHWM") - before


def _resident(name):
    """A line of /proc/self/status, in MiB."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"{_STATUS}: no line {name}")
