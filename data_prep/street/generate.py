"""Writes the drives of a street, in parallel processes; an interrupted call is completed."""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os

from aquanet_tf import files, progress
from data_prep.street import drive as street_drive
from data_prep.street.render import picture
from data_prep.street.write import kitti

# Goes up whenever the same arguments give another street, so that two are never mixed.
VERSION = 1
DONE, STARTED = "street.json", "street.unfinished.json"


def generate(out, drives, test_drives, frames, height, width, seed, workers=0):
    """Writes a street to the folder `out`, or completes an interrupted one of the same arguments.

    Raises:
      ValueError: `out` holds something else, or there is no drive to make.
    """
    arguments = {
        "drives": drives, "test_drives": test_drives, "frames": frames,
        "height": height, "width": width, "seed": seed,
    }  # fmt: skip
    plans = street_drive.plans(**arguments)
    arguments["version"] = VERSION
    if not plans:
        raise ValueError("--drives and --test_drives are both 0: nothing to make")
    if _claim(out, arguments):
        return
    folder = os.path.join(out, kitti.DATE)
    os.makedirs(folder, exist_ok=True)
    kitti.write_calibration(folder, picture.camera(height, width, None, None))
    _make(out, plans, workers or os.cpu_count() or 1)
    _write_splits(out, plans)
    os.replace(os.path.join(out, STARTED), os.path.join(out, DONE))


def _claim(out, arguments):
    """Marks the folder as ours; True if it already holds the finished street."""
    text = json.dumps(arguments, indent=2) + "\n"
    for name in (DONE, STARTED):
        path = os.path.join(out, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found = file.read()
            if found != text:
                raise ValueError(
                    f"{path} is of a street made with other arguments ({' '.join(found.split())}): "
                    "choose another --out, or delete that folder"
                )
            return name == DONE
    if os.path.isdir(out) and os.listdir(out):
        raise ValueError(f"--out {out} is not empty and not a street: choose another folder")
    with files.atomic(os.path.join(out, STARTED)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return False


def _make(out, plans, workers):
    # Spawned, not forked: a fork of a process with threads (TensorFlow, say) may hang.
    context = multiprocessing.get_context("spawn")
    workers = min(workers, len(plans))
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        jobs = [pool.submit(street_drive.make_drive, out, plan) for plan in plans]
        try:
            done = concurrent.futures.as_completed(jobs)
            for job in progress.bar(done, total=len(jobs), desc="street", unit="drive"):
                job.result()
        except BaseException:
            for job in jobs:
                job.cancel()
            raise


def _write_splits(out, plans):
    folder = os.path.join(out, "splits")
    os.makedirs(folder, exist_ok=True)
    for name, held_out in (("train.txt", False), ("test.txt", True)):
        names = [kitti.drive_name(p.number) for p in plans if p.held_out == held_out]
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.writelines(f"{kitti.DATE}/{drive}\n" for drive in names)
