"""Runs a list of jobs, each once and in a process of its own.

An interrupted training resumes after its last finished epoch, because its command is run again;
the record keeps the time of the finished epochs. The output of a command goes to
OUT/logs/NAME.log. When a job fails, jobs that need it fail too, and the others still run.

This process and its children hold a lock on OUT/lock. So a training that outlives a killed
command keeps a second one out of its workdir.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shlex
import subprocess
import time
from typing import Callable

from aquanet_tf import files, progress
from aquanet_tf.jobs import job as job_module
from aquanet_tf.jobs.job import Job

_POLL = 1.0  # seconds between two looks at a running command
_SAVING = 60.0  # seconds that a command has to save after Ctrl-C


def run(
    jobs: list[Job],
    out: str | pathlib.Path,
    after: Callable | None = None,
    before: Callable | None = None,
) -> dict[str, str]:
    """Runs the jobs that are not finished; returns the failures, job name -> reason.

    after: called after every job, with the failures so far.
    before: called once, when nothing is refused; writes files that the jobs read.

    Raises ValueError before anything runs when another command is running jobs in `out`, or when
    `out` holds data or a training made with other options.
    """
    out = pathlib.Path(out)
    for folder in ("jobs", "logs"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    failures = {}
    with _locked(out) as lock:
        for job in jobs:
            job_module.refuse_other_work(job, out)
        if before:
            before()
        todo = [job for job in jobs if not job_module.finished(job, out)]
        total = sum(job.units for job in jobs)
        done = total - sum(job.units for job in todo)
        # No smoothing: the remaining time follows from the mean over all jobs of this call.
        with progress.bar(total=total, initial=done, unit="epoch", smoothing=0) as bar:
            for job in todo:
                bar.set_description(job.name)
                shown = bar.n
                if failed := [name for name in job.needs if name in failures]:
                    failures[job.name] = f"needs {failed[0]}"
                else:
                    if job.title:
                        bar.write(job.title)
                    if reason := _execute(job, out, lock, bar):
                        failures[job.name] = reason
                        bar.write(f"{job.name} failed: {reason}")
                bar.update(job.units - (bar.n - shown))
                if after:
                    after(failures)
    return failures


def _execute(job, out, lock, bar) -> str:
    """Runs one job to its end; returns the reason of its failure, or ""."""
    record = job_module.record(out, job.name)
    same = record is not None and job_module.same_work(job, record)
    spent = record["seconds"] if same else 0.0
    log, path = out / "logs" / f"{job.name}.log", job_module.path_of(out, job.name)
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
        except KeyboardInterrupt:
            # A terminal sends Ctrl-C to the child, too. A second signal would cut off its saving.
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_SAVING)
            raise
        finally:
            child.terminate()  # nothing once it has ended
            child.wait()
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


@contextlib.contextmanager
def _locked(out):
    """Holds the lock of `out`; ValueError when another process holds it."""
    with (out / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                f"--out={out}: another command, or one started by it, is still running "
                "there; wait for it or stop it"
            ) from error
        yield file
