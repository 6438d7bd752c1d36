"""Runs the steps of an ablation, each once and in a process of its own.

A job is finished when its record, OUT/jobs/NAME.json, says so for exactly the same work (`what`).
An interrupted training resumes after its last finished epoch, because its command is run again;
the record keeps the time of the finished epochs. The output of a command goes to
OUT/logs/NAME.log. When a job fails, jobs that need it fail too, and the others still run.

This process and its children hold a lock on OUT/lock. So a training that outlives a killed
ablation keeps a second ablation out of its workdir.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import shlex
import subprocess
import sys
import time
from typing import Callable

from aquanet_tf import files, progress
from aquanet_tf.ablation import plan as ablation_plan

COMMANDS = {
    "train": (sys.executable, "-m", "aquanet_tf.train"),
    "evaluate": (sys.executable, "-m", "aquanet_tf.evaluate"),
    "data": (sys.executable, "-m"),
}
_POLL = 1.0  # seconds between two looks at a running command


@dataclasses.dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        name: name of its record and log.
        command: argv.
        what: JSON-able description of the work, to tell whether a record is about the same work.
        needs: names of jobs that must succeed first.
        units: steps of the progress bar: epochs of a training, else 1.
        progress: history.csv of a training, with a header and one line per finished epoch.
        output: file that the finished job leaves; None: not checked.
        masks: folder where a stage-2 training keeps its masks; None for other jobs.
    """

    name: str
    command: tuple[str, ...]
    what: dict
    needs: tuple[str, ...] = ()
    units: int = 1
    progress: pathlib.Path | None = None
    output: pathlib.Path | None = None
    masks: pathlib.Path | None = None


def make(plan: ablation_plan.Plan, commands=COMMANDS) -> list[Job]:
    """All jobs in an order that satisfies their needs: data, then all rows seed by seed, so that
    there is a complete table of one seed early.

    commands: "train", "evaluate", "data" -> beginning of argv.
    """
    jobs, last = [], ()
    for number, line in enumerate(plan.data):
        words = shlex.split(line)
        what = _plain({"commands": plan.data[: number + 1]}, plan.out)
        jobs.append(Job(f"data{number + 1}", (*commands["data"], *words), what, last))
        last = (jobs[-1].name,)
    for seed in plan.seeds:
        for key, row in plan.rows.items():
            if not row.of:
                jobs.append(_training(plan, key, seed, commands, last))
            jobs.append(_evaluation(plan, key, seed, commands))
    return jobs


def _training(plan, key, seed, commands, data) -> Job:
    row, workdir = plan.rows[key], plan.workdir(key, seed)
    needs = (*data, training_name(row.stage1, seed)) if row.stage1 else data
    return Job(
        name=training_name(key, seed),
        command=(
            *commands["train"],
            *plan.training_flags(key, seed),
            f"--workdir={workdir}",
        ),
        what=_training_what(plan, key, seed),
        needs=needs,
        units=plan.config(key, seed).epochs,
        progress=workdir / "history.csv",
        output=workdir / "history.csv",
        masks=workdir / "masks" if row.stage1 else None,
    )


def _training_what(plan, key, seed) -> dict:
    """All that decides the result of a training: data, options, and the same of its stage 1."""
    row = plan.rows[key]
    return _plain(
        {
            "data": plan.data,
            "options": dataclasses.asdict(plan.config(key, seed)),
            "stage1": _training_what(plan, row.stage1, seed) if row.stage1 else None,
        },
        plan.out,
    )


def _evaluation(plan, key, seed, commands) -> Job:
    row, out = plan.rows[key], plan.evaluation(key, seed)
    places = [f"--workdir={plan.workdir(key, seed)}", f"--gt_dir={plan.gt_dir}"]
    return Job(
        name=evaluation_name(key, seed),
        command=(*commands["evaluate"], *places, *row.evaluate, f"--out={out}"),
        what=_plain(
            {
                "flags": [*places, *row.evaluate],
                "training": _training_what(plan, row.trained, seed),
            },
            plan.out,
        ),
        needs=(training_name(row.trained, seed),),
        output=out,
    )


def training_name(key: str, seed: int) -> str:
    """Name of the training job of row `key`."""
    return f"train_{key}_seed{seed}"


def evaluation_name(key: str, seed: int) -> str:
    """Name of the evaluation job of row `key`."""
    return f"evaluate_{key}_seed{seed}"


def seconds(out: pathlib.Path, name: str) -> float | None:
    """Wall time of a finished job over all its attempts; None if it is not finished."""
    record = _record(out, name)
    return record["seconds"] if record and record["finished"] else None


def run(jobs: list[Job], out: str | pathlib.Path, after: Callable | None = None) -> dict[str, str]:
    """Runs the jobs that are not finished; returns the failures, job name -> reason.

    after: called after every job, with the failures so far.

    Raises ValueError before anything runs when another ablation is running in `out`, or when
    `out` holds data or a training made with other options.
    """
    out = pathlib.Path(out)
    for folder in ("jobs", "logs"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    failures = {}
    with _locked(out) as lock:
        for job in jobs:
            _refuse_other_work(job, out)
        todo = [job for job in jobs if not _finished(job, out)]
        total = sum(job.units for job in jobs)
        done = total - sum(job.units for job in todo)
        # No smoothing: the remaining time follows from the mean over all jobs of this call.
        with progress.bar(total=total, initial=done, unit="epoch", smoothing=0) as bar:
            for job in todo:
                bar.set_description(job.name)
                before = bar.n
                if failed := [name for name in job.needs if name in failures]:
                    failures[job.name] = f"needs {failed[0]}"
                elif reason := _execute(job, out, lock, bar):
                    failures[job.name] = reason
                    bar.write(f"{job.name} failed: {reason}")
                bar.update(job.units - (bar.n - before))
                if after:
                    after(failures)
    return failures


def _execute(job, out, lock, bar) -> str:
    """Runs one job to its end; returns the reason of its failure, or ""."""
    record = _record(out, job.name)
    same = record is not None and record["what"] == job.what
    spent = record["seconds"] if same else 0.0
    log, path = out / "logs" / f"{job.name}.log", out / "jobs" / f"{job.name}.json"
    fresh = {"command": list(job.command), "what": job.what, "finished": False}
    start, epochs = time.monotonic(), _epochs(job)
    bar.initial += epochs
    bar.update(epochs)
    files.write(path, {**fresh, "seconds": spent})
    if job.masks:
        _share(job.masks, out / "masks")
    with log.open("a") as file:
        file.write(f"$ {shlex.join(job.command)}\n")
        file.flush()
        child = subprocess.Popen(
            job.command, stdout=file, stderr=subprocess.STDOUT, pass_fds=[lock.fileno()]
        )
        try:
            while (code := _wait(child)) is None:
                if (now := min(_epochs(job), job.units)) > epochs:
                    bar.update(now - epochs)
                    epochs = now
                    took = spent + time.monotonic() - start
                    files.write(path, {**fresh, "seconds": took})
        except BaseException:
            child.terminate()
            child.wait()
            raise
    if code or (job.output and not job.output.is_file()):
        return _reason(log, code)
    took = spent + time.monotonic() - start
    files.write(path, {**fresh, "finished": True, "seconds": took})
    return ""


def _share(path, place):
    """Makes `path` a link to `place`, so that rows share their masks.

    A folder of masks is named after everything it depends on (training.mask_cache), so sharing is
    safe. On file systems without links each row makes its own masks.
    """
    place.mkdir(exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        path.symlink_to(os.path.relpath(place, path.parent), target_is_directory=True)


def _wait(child):
    """Exit code of the child, or None while it runs."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(_POLL)
    return None


def _epochs(job) -> int:
    """Finished epochs of a training, 0 for other jobs."""
    if job.progress is None or not job.progress.is_file():
        return 0
    return max(0, len(job.progress.read_text().splitlines()) - 1)


def _reason(log, code) -> str:
    """The error line of a failed command, or its exit code, and the path of its log."""
    said = [line for line in log.read_text().splitlines() if line.startswith("error: ")]
    words = said[-1][len("error: ") :] if said else f"exit code {code}"
    return f"{words} (see {log})"


def _record(out, name):
    path = out / "jobs" / f"{name}.json"
    return files.read(path) if path.is_file() else None


def _finished(job, out) -> bool:
    record = _record(out, job.name)
    return bool(
        record
        and record["finished"]
        and record["what"] == job.what
        and (job.output is None or job.output.is_file())
    )


def _refuse_other_work(job, out):
    """Raises ValueError instead of overwriting data or a training made with other options.

    Evaluations are cheap and are made again.
    """
    record = _record(out, job.name)
    if job.name.startswith("evaluate_") or record is None or record["what"] == job.what:
        return
    old, new = record["what"].get("options", {}), job.what.get("options", {})
    changed = [f"--{name}={value}" for name, value in old.items() if new.get(name) != value]
    made_with = ", ".join(changed) or "other data or another stage 1"
    path = out / "jobs" / f"{job.name}.json"
    raise ValueError(
        f"{path}: was made with {made_with}; choose another --out, or delete that file and the "
        "directory of the run"
    )


@contextlib.contextmanager
def _locked(out):
    """Holds the lock of `out`; ValueError when another process holds it."""
    with (out / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                f"--out={out}: another ablation, or a command started by one, is still running "
                "there; wait for it or stop it"
            ) from error
        yield file


def _plain(value, out):
    """`value` as JSON returns it, with {out} for `out`, whose path may be written differently."""
    if isinstance(value, dict):
        return {name: _plain(part, out) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part, out) for part in value]
    return value.replace(f"{out}/", "{out}/") if isinstance(value, str) else value
