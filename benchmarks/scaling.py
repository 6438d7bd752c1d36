"""Measures time and memory of the forward warp and its gradient over pixels, levels and batch:

python -m benchmarks.scaling --out docs/scaling.png --csv benchmarks/scaling.csv
"""

from __future__ import annotations

import csv
import functools
import os
import pathlib
import statistics
import time

import numpy as np
from absl import flags

from aquanet_tf import cli, progress
from benchmarks import measure
from benchmarks.cases import warp

BASE = measure.Setting(192, 640, 33, 1.0, 2, 1)
AXES = {
    "pixels": [
        BASE._replace(height=height, width=width)
        for height, width in ((64, 208), (96, 320), (192, 640), (384, 1280))
    ],
    "levels": [BASE._replace(levels=levels) for levels in (9, 17, 33, 65)],
    "batch": [BASE._replace(batch=batch) for batch in (1, 2, 4)],
}
TASK = measure.Task(
    "forward warp, forward and backward",
    {"tensorflow": functools.partial(warp.tensorflow_case, backward=True)},
)

_REPEATS = flags.DEFINE_integer("repeats", 7, "Timed calls of each case.", lower_bound=1)
cli.define_output("out", "docs/scaling.png", "Picture to write.")
cli.define_output("csv", "benchmarks/scaling.csv", "Table to write.")


def size(axis: str, setting: measure.Setting) -> int:
    """Value of a setting on an axis of `AXES`."""
    return setting.height * setting.width if axis == "pixels" else getattr(setting, axis)


def measured(setting: measure.Setting, repeats: int) -> tuple[float, float]:
    """(median seconds of a call after the warm-up, peak MiB) of one case."""
    call = TASK.cases["tensorflow"](setting)
    for _ in range(measure.WARM_UP):
        call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), measure.peak_megabytes(TASK, setting, "tensorflow")


def draw(results: dict, path: str) -> None:
    """One column for each axis, time above memory, each with its least-squares line.

    results: setting -> `measured`; path: PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    units = ((0, 1e3, "milliseconds"), (1, 1.0, "peak MiB above the imports"))
    figure, panels = pyplot.subplots(2, len(AXES), figsize=(11, 6), squeeze=False)
    for column, (axis, settings) in enumerate(AXES.items()):
        x = np.array([size(axis, setting) for setting in settings], float)
        scale, label = (1e3, "thousand pixels") if axis == "pixels" else (1.0, axis)
        for row, factor, unit in units:
            panel = panels[row][column]
            y = factor * np.array([results[setting][row] for setting in settings])
            slope, offset = np.polyfit(x, y, 1)
            line = np.array([0.0, x.max()])
            panel.plot(line / scale, offset + slope * line, color="0.7", linewidth=1)
            panel.plot(x / scale, y, "o", color="C0" if row == 0 else "C1")
            panel.set_xlim(0, 1.05 * x.max() / scale)
            panel.set_ylim(0, 1.15 * y.max())
            panel.set_xlabel(label)
            panel.set_ylabel(unit if column == 0 else "")
            panel.grid(alpha=0.3)
    figure.suptitle(
        f"Forward warp and its gradient; unless varied: {BASE.height}x{BASE.width}, "
        f"{BASE.levels} levels, batch {BASE.batch}; {BASE.threads} threads. Lines: least squares"
    )
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main(argv):
    """Runs the command; see the module docstring."""
    del argv
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    measure.use_threads("tensorflow", BASE.threads)
    unique = dict.fromkeys(setting for settings in AXES.values() for setting in settings)
    results = {
        setting: measured(setting, _REPEATS.value) for setting in progress.bar(unique, unit="case")
    }
    with pathlib.Path(flags.FLAGS.csv).open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["height", "width", "levels", "batch", "milliseconds", "mebibytes"])
        for setting, (seconds, mebibytes) in results.items():
            place = (setting.height, setting.width, setting.levels, setting.batch)
            table.writerow([*place, f"{1e3 * seconds:.1f}", f"{mebibytes:.0f}"])
    draw(results, flags.FLAGS.out)


if __name__ == "__main__":
    cli.run(main)
