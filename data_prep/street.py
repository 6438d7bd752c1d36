"""Generates the street: driving sequences in KITTI raw layout with exact ground truth.

    python -m data_prep.street --out street --drives 24 --frames 24 --height 64 --width 208

The bytes are a function of the flags, whatever the number of worker processes (another version of
NumPy may round a few pixels differently, by one grey level). Interrupted runs are resumed by
running the same command again.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os

from absl import flags
from tqdm import tqdm

from aquanet_tf import cli
from data_prep import street_drive, street_render, street_write

FLAGS = flags.FLAGS
# Goes up whenever the same arguments give another street, so that two are never mixed.
VERSION = 1
DONE, STARTED = "street.json", "street.unfinished.json"


def define_flags():
    """The command's flags."""
    flags.DEFINE_string("out", None, "Folder to write; laid out as KITTI raw.", required=True)
    flags.DEFINE_integer("drives", 24, "Drives to learn from.", lower_bound=0)
    flags.DEFINE_integer(
        "test_drives", 4, "Held-out drives, numbered after those to learn from.", lower_bound=0
    )
    flags.DEFINE_integer("frames", 24, "Frames of each drive (10 a second).", lower_bound=1)
    flags.DEFINE_integer("height", 64, "Height of the pictures in pixels.", lower_bound=16)
    flags.DEFINE_integer("width", 208, "Width of the pictures in pixels.", lower_bound=16)
    flags.DEFINE_integer("seed", 1, "Other seeds give other streets.", lower_bound=0)
    flags.DEFINE_integer("workers", 0, "Processes; 0 takes every core.", lower_bound=0)


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
    folder = os.path.join(out, street_write.DATE)
    os.makedirs(folder, exist_ok=True)
    street_write.write_calibration(folder, street_render.camera(height, width, None, None))
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
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, STARTED)
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".tmp", path)
    return False


def _make(out, plans, workers):
    # Spawned, not forked: a fork of a process with threads (TensorFlow, say) may hang.
    context = multiprocessing.get_context("spawn")
    workers = min(workers, len(plans))
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        jobs = [pool.submit(street_drive.make_drive, out, plan) for plan in plans]
        try:
            done = concurrent.futures.as_completed(jobs)
            for job in tqdm(done, total=len(jobs), desc="street", unit="drive"):
                job.result()
        except BaseException:
            for job in jobs:
                job.cancel()
            raise


def _write_splits(out, plans):
    folder = os.path.join(out, "splits")
    os.makedirs(folder, exist_ok=True)
    for name, held_out in (("train.txt", False), ("test.txt", True)):
        names = [street_write.drive_name(p.number) for p in plans if p.held_out == held_out]
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.writelines(f"{street_write.DATE}/{drive}\n" for drive in names)


def main(argv):
    """Runs the command."""
    del argv
    generate(
        FLAGS.out, FLAGS.drives, FLAGS.test_drives, FLAGS.frames, FLAGS.height, FLAGS.width,
        FLAGS.seed, FLAGS.workers,
    )  # fmt: skip
    print(f"street of {FLAGS.drives} + {FLAGS.test_drives} drives in {FLAGS.out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
