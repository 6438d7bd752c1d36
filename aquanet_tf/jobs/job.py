"""A job and its record, OUT/jobs/NAME.json: whether it is finished, and for which work.

A job is finished when its record says so for exactly the same work (`what`) and its output exists.
Work that an earlier version began stays the same work: see `Job.defaults`.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

from aquanet_tf import files


def _options(work: dict) -> dict:
    """The options of a training."""
    return work.get("options", {})


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
        flags: function from a `what` to the flags of the user that it came from, name -> value, for
            messages.
        defaults: option of a training -> its default. An earlier version did not record the options
            that it did not have yet; they count as their defaults.
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
    flags: Callable[[dict], dict] = _options
    defaults: dict = dataclasses.field(default_factory=dict)


def record(out: pathlib.Path, name: str) -> dict | None:
    """The record of a job; None before its first start."""
    path = path_of(out, name)
    return files.read(path) if path.is_file() else None


def path_of(out: pathlib.Path, name: str) -> pathlib.Path:
    """Where the record of a job is kept."""
    return out / "jobs" / f"{name}.json"


def same_work(job: Job, recorded: dict) -> bool:
    """Whether the record is about the work of the job."""
    return _completed(recorded["what"], job.defaults) == job.what


def finished(job: Job, out: pathlib.Path) -> bool:
    """Whether exactly this work is done."""
    recorded = record(out, job.name)
    return bool(
        recorded
        and recorded["finished"]
        and same_work(job, recorded)
        and (job.output is None or job.output.is_file())
    )


def seconds(out: pathlib.Path, name: str) -> float | None:
    """Wall time of a finished job over all its attempts; None if it is not finished."""
    recorded = record(out, name)
    return recorded["seconds"] if recorded and recorded["finished"] else None


def refuse_other_work(job: Job, out: pathlib.Path) -> None:
    """Raises ValueError instead of overwriting what a job of the same name made for other work,
    unless it may be done `again`. A job that failed before it made anything is no obstacle."""
    recorded = record(out, job.name)
    if job.again or recorded is None or same_work(job, recorded):
        return
    if not (recorded["finished"] or _left_something(job)):
        return
    made = f"what it made below {job.output.parent}" if job.output else "what it made"
    raise ValueError(
        f"{path_of(out, job.name)}: was made with {_differences(job, recorded['what'])}; choose "
        f"another --out, or delete that file and {made}"
    )


def _left_something(job: Job) -> bool:
    """Whether an unfinished job of this name left its output, or a training anything at all: it
    writes its history after an epoch only, and would resume from what it wrote before."""
    if job.progress is not None and job.progress.parent.is_dir():
        # The runner links the folder of masks before the training starts.
        return any(path != job.masks for path in job.progress.parent.iterdir())
    return job.output is not None and job.output.exists()


def _differences(job: Job, before: dict) -> str:
    """What the work `before` had that `job` has not: the user's flags, else the parts of `what`."""
    before, now = _completed(before, job.defaults), job.what
    for old, new in ((job.flags(before), job.flags(now)), (_options(before), _options(now))):
        changed = [f"--{name}={value}" for name, value in old.items() if new.get(name) != value]
        if differing := changed or [f"no --{name}" for name in new if name not in old]:
            return ", ".join(differing)
    words = {"data": "other data", "commands": "other data", "stage1": "another stage 1"}
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(dict.fromkeys(words.get(name, f"another {name}") for name in names))


def _completed(what, defaults: dict):
    """`what` with the default of every option that it does not name, also inside the work that it
    stands on, such as a stage 1."""
    if not isinstance(what, dict):
        return what
    found = {name: _completed(part, defaults) for name, part in what.items()}
    if "options" in found:
        found["options"] = {**defaults, **found["options"]}
    return found


def plain(value, out: pathlib.Path):
    """`value` as JSON returns it, with {out} for `out`, whose path may be written differently."""
    if isinstance(value, dict):
        return {name: plain(part, out) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part, out) for part in value]
    return value.replace(f"{out}/", "{out}/") if isinstance(value, str) else value
