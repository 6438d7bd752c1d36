"""A job and its record, OUT/jobs/NAME.json: whether it is finished, and for which work.

A job is finished when its record says so for exactly the same work (`what`) and its output exists.
"""

from __future__ import annotations

import dataclasses
import pathlib

from aquanet_tf import files


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
        again: the job is cheap: where it was done for other work, it is done again.
        title: what is printed when it begins; empty: nothing.
    """

    name: str
    command: tuple[str, ...]
    what: dict
    needs: tuple[str, ...] = ()
    units: int = 1
    progress: pathlib.Path | None = None
    output: pathlib.Path | None = None
    masks: pathlib.Path | None = None
    again: bool = False
    title: str = ""


def record(out: pathlib.Path, name: str) -> dict | None:
    """The record of a job; None before its first start."""
    path = path_of(out, name)
    return files.read(path) if path.is_file() else None


def path_of(out: pathlib.Path, name: str) -> pathlib.Path:
    """Where the record of a job is kept."""
    return out / "jobs" / f"{name}.json"


def finished(job: Job, out: pathlib.Path) -> bool:
    """Whether exactly this work is done."""
    found = record(out, job.name)
    return bool(
        found
        and found["finished"]
        and found["what"] == job.what
        and (job.output is None or job.output.is_file())
    )


def seconds(out: pathlib.Path, name: str) -> float | None:
    """Wall time of a finished job over all its attempts; None if it is not finished."""
    found = record(out, name)
    return found["seconds"] if found and found["finished"] else None


def refuse_other_work(job: Job, out: pathlib.Path) -> None:
    """Raises ValueError instead of overwriting what a job of the same name made for other work,
    unless it may be done `again`."""
    found = record(out, job.name)
    if job.again or found is None or found["what"] == job.what:
        return
    old, new = found["what"].get("options", {}), job.what.get("options", {})
    changed = [f"--{name}={value}" for name, value in old.items() if new.get(name) != value]
    made_with = ", ".join(changed) or "other data or another stage 1"
    raise ValueError(
        f"{path_of(out, job.name)}: was made with {made_with}; choose another --out, or delete "
        "that file and the directory of the run"
    )


def plain(value, out: pathlib.Path):
    """`value` as JSON returns it, with {out} for `out`, whose path may be written differently."""
    if isinstance(value, dict):
        return {name: plain(part, out) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part, out) for part in value]
    return value.replace(f"{out}/", "{out}/") if isinstance(value, str) else value
