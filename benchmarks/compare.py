"""Compares forward warp, inference, training step and input pipeline with PyTorch:

    python -m benchmarks.compare --records PNG_DIR,JPEG_DIR --out benchmarks/results.md

Prints and writes one Markdown table. Needs PyTorch: pip install -e '.[benchmark]'.
"""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import os
import pathlib
import platform
import shlex
import sys
import tempfile

from absl import flags

from aquanet_tf import cli, progress
from benchmarks import measure
from benchmarks.cases import inference, input_pipeline, step, warp

TASKS = {
    "warp": [
        measure.Task(
            "forward warp" + (", forward and backward" if backward else ""),
            {
                "tensorflow": functools.partial(warp.tensorflow_case, backward=backward),
                "torch": functools.partial(warp.torch_case, backward=backward),
            },
        )
        for backward in (False, True)
    ],
    "inference": [
        measure.Task(
            f"inference, {images} image{'s' * (images > 1)}",
            {
                "tensorflow": functools.partial(inference.tensorflow_case, images=images),
                "torch": functools.partial(inference.torch_case, images=images),
            },
        )
        for images in (1, 4)
    ],
    "step": [
        measure.Task(
            "training step", {"tensorflow": step.tensorflow_case, "torch": step.torch_case}
        )
    ],
}

# Tasks of the input pipeline are made from --records, for the largest size only.
_NAMES = (*TASKS, "input")

_TASK = flags.DEFINE_multi_enum("task", _NAMES, _NAMES, "What to compare.")
cli.define_path("records", "", "Data sets for the input pipeline, as A,B.", several=True)
_HEIGHT = flags.DEFINE_list("height", ["96", "192"], "Image heights, pixels.")
_WIDTH = flags.DEFINE_list("width", ["320", "640"], "Image widths, one for each height.")
_LEVELS = flags.DEFINE_integer("levels", 33, "Inverse-depth levels.", lower_bound=2)
_NETWORK_WIDTH = flags.DEFINE_float("network_width", 1.0, "Channel multiplier.", lower_bound=0.03)
_THREADS = flags.DEFINE_integer("threads", 2, "Threads of each framework.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 7, "Timed rounds of every other row.", lower_bound=1)
_STEP_REPEATS = flags.DEFINE_integer(
    "step_repeats", 7, "Timed rounds of the training step.", lower_bound=1
)
_SEED = flags.DEFINE_integer("seed", 1, "Seed of inputs and weights.", lower_bound=0)
cli.define_output("out", "", "Also write the table to this Markdown file.")


def settings() -> list[measure.Setting]:
    """One setting for each size. Raises ValueError naming the flag."""
    try:
        sizes = [(int(h), int(w)) for h, w in zip(_HEIGHT.value, _WIDTH.value)]
    except ValueError as error:
        raise ValueError(f"--height and --width must be whole numbers ({error})") from error
    if len(_HEIGHT.value) != len(_WIDTH.value) or not sizes or min(min(s) for s in sizes) < 16:
        raise ValueError("--height and --width need equally many sizes of at least 16 pixels")
    rest = (_LEVELS.value, _NETWORK_WIDTH.value, _THREADS.value, _SEED.value)
    return [measure.Setting(*size, *rest) for size in sizes]


def input_tasks(folder: pathlib.Path) -> list[measure.Task]:
    """One task for each data set of --records. Writes the frames of the data sets below `folder`.

    Raises ValueError naming the flag or the data set.
    """
    from aquanet_tf.data import manifest

    if not flags.FLAGS.records:
        raise ValueError("--task=input needs --records, data sets of data_prep (see make bench)")
    tasks = []
    for i, records_dir in enumerate(flags.FLAGS.records.split(",")):
        frames = folder / str(i)
        frames.mkdir()
        images = 3 * (
            input_pipeline.extract(records_dir, frames)
            // input_pipeline.BATCH
            * input_pipeline.BATCH
        )
        name = (
            f"input pipeline, {input_pipeline.EPOCHS} epochs of {images} images, "
            f"{manifest.read(records_dir)['image_format']}"
        )
        sources = {"records_dir": records_dir, "folder": str(frames)}
        cases = {"tensorflow": input_pipeline.tensorflow_case, "torch": input_pipeline.torch_case}
        cases = {key: functools.partial(case, **sources) for key, case in cases.items()}
        tasks.append(measure.Task(name, cases))
    return tasks


def table(rows: list[measure.Row]) -> str:
    """Markdown; ratios below 1 are in our favor."""
    lines = [
        "| task | size | ours, ms | PyTorch, ms | ratio | ours, MiB | PyTorch, MiB | ratio |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        (ours, theirs), (mine, other) = (
            [values[name] for name in measure.FRAMEWORKS] for values in (row.seconds, row.megabytes)
        )
        lines.append(
            f"| {row.task} | {row.setting.height}x{row.setting.width} "
            f"| {1e3 * ours:.0f} | {1e3 * theirs:.0f} | {row.time_ratio:.2f} "
            f"| {mine:.0f} | {other:.0f} | {mine / other:.2f} |"
        )
    return "\n".join(lines)


def circumstances(loads: list[float]) -> str:
    """Machine, versions, command and seed, as a Markdown list."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras", "torch")
    )
    command = shlex.join(["python", "-m", "benchmarks.compare", *sys.argv[1:]])
    return "\n".join(
        [
            f"- Machine: {_processor()}, {os.cpu_count()} cores, {platform.system()}, no GPU used; "
            f"load average {min(loads):.1f} to {max(loads):.1f} over the run (this run alone "
            f"makes about {_THREADS.value}; more means that the machine was shared).",
            f"- Versions: Python {platform.python_version()}, {versions}.",
            f"- Command: `{command}`, seed {_SEED.value}, "
            f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}.",
            f"- {_LEVELS.value} levels, one image or triplet where nothing else is said, float32, "
            f"networks of width {_NETWORK_WIDTH.value:g}, {_THREADS.value} threads each; medians "
            f"of {_REPEATS.value} rounds ({_STEP_REPEATS.value} of the step) after "
            f"{measure.WARM_UP} calls to warm up, in one process, order reversed every round.",
            "- Time ratio: median over rounds of ours / PyTorch. Memory: peak resident size above "
            "the imports, each implementation in a process of its own, compilation and the workers "
            "of PyTorch's DataLoader included.",
        ]
    )


def main(argv):
    """Runs the command; see the module docstring."""
    del argv
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # both on the processor
    # Otherwise idle threads of PyTorch spin and take time from each other and from TensorFlow on a
    # shared machine, which makes the steps of PyTorch twice as slow.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError as error:
        raise ValueError("PyTorch is missing: pip install -e '.[benchmark]'") from error
    measure.use_threads("tensorflow", _THREADS.value)  # before it reads the records
    rows, loads = [], [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as folder:
        for task, setting, repeats in progress.bar(_work(pathlib.Path(folder)), unit="row"):
            rows.append(measure.compare(task, setting, repeats))
            loads.append(os.getloadavg()[0])
    print(table(rows))
    if flags.FLAGS.out:
        text = f"# Measured\n\n{table(rows)}\n\n{circumstances(loads)}\n"
        pathlib.Path(flags.FLAGS.out).write_text(text)


def _work(folder):
    """(task, setting, rounds) of every row. The input pipeline comes last, because the workers of
    PyTorch that it starts keep running, asleep."""
    names = sorted(set(_TASK.value), key=_NAMES.index)
    work = [
        (task, setting, _STEP_REPEATS.value if name == "step" else _REPEATS.value)
        for name in names
        if name != "input"
        for task in TASKS[name]
        for setting in settings()
    ]
    if "input" in names:
        largest = max(settings(), key=lambda setting: setting.height * setting.width)
        work += [(task, largest, _REPEATS.value) for task in input_tasks(folder)]
    return work


def _processor():
    """Name of the processor."""
    path = pathlib.Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    cli.run(main)
