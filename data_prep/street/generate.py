"""Writes the drives of a street in parallel processes; resumes an interrupted run."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import multiprocessing
import os
import signal

from aquanet_tf import files, progress
from data_prep.street import drive as street_drive
from data_prep.street.render import picture
from data_prep.street.write import kitti

# Increased when the same arguments give another street, so that two are never mixed.
VERSION = 1
DONE, STARTED = "street.json", "street.unfinished.json"


def generate(out, street, workers=0):
    """Writes the drive.Street `street` to the folder `out`, or completes an interrupted run.

    workers: number of processes; 0 uses every core. The files do not depend on it.

    Raises:
      ValueError: `out` holds something else, or the street has no drive.
    """
    plans = street_drive.plans(street)
    if not plans:
        raise ValueError("--drives and --test_drives are both 0: set one of them to 1 or more")
    if _claim(out, _arguments(street)):
        return
    folder = os.path.join(out, kitti.DATE)
    os.makedirs(folder, exist_ok=True)
    size = street.height, street.width
    kitti.write_calibration(folder, picture.camera(*size, None, None, street.focal))
    _make(out, plans, workers or os.cpu_count() or 1)
    _write_splits(out, plans)
    os.replace(os.path.join(out, STARTED), os.path.join(out, DONE))


def _arguments(street) -> dict:
    """What street.json holds: the street, without the fields that have a default and keep it, so
    that streets from before such a field are still known."""
    defaults = {field.name: field.default for field in dataclasses.fields(street)}
    values = dataclasses.asdict(street).items()
    return {**{name: v for name, v in values if v != defaults[name]}, "version": VERSION}


def _claim(out, arguments):
    """Writes the arguments into the folder; True if it already holds the finished street.

    ValueError if it holds anything else.
    """
    text = json.dumps(arguments, indent=2) + "\n"
    for name in (DONE, STARTED):
        path = os.path.join(out, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found = file.read()
            if found != text:
                raise ValueError(
                    f"{path}: written with other arguments ({' '.join(found.split())}); choose "
                    f"another --out, or remove {out}"
                )
            return name == DONE
    if os.path.isdir(out) and os.listdir(out):
        raise ValueError(f"--out={out}: not empty and not a street; choose another folder")
    files.write_text(os.path.join(out, STARTED), text)
    return False


def _make(out, plans, workers):
    # Spawned, not forked: a fork of a process with threads (as TensorFlow has) may hang.
    context = multiprocessing.get_context("spawn")
    workers = min(workers, len(plans))
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            with _interrupts_wait():
                jobs = [pool.submit(street_drive.make_drive, out, plan) for plan in plans]
            done = concurrent.futures.as_completed(jobs)
            for job in progress.bar(done, total=len(jobs), desc="street", unit="drive"):
                job.result()
        except BaseException:
            # Drives that are unfinished now are made anew by the next run.
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise


@contextlib.contextmanager
def _interrupts_wait():
    """Processes that start in the block never see Ctrl-C, which a terminal sends to all of them:
    each would print a traceback. Their parent ends them; it sees Ctrl-C after the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _write_splits(out, plans):
    folder = os.path.join(out, "splits")
    os.makedirs(folder, exist_ok=True)
    for name, held_out in (("train.txt", False), ("test.txt", True)):
        names = [kitti.drive_name(p.number) for p in plans if p.held_out == held_out]
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.writelines(f"{kitti.DATE}/{drive}\n" for drive in names)
