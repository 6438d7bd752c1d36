"""Verifies a data set byte by byte, and repairs it from its sources.

    python -m data_prep.check --data_dir DIR [--repair]

Compares every shard with the manifest (size, sha256), verifies the CRC of every record, decodes
every frame, checks every K, prints statistics and draws a contact sheet. Every fault is printed
with its shard and record; with any left, the exit code is 1. `--repair` writes the shards that
have faults again, from the sources that the manifest names, and no others.
"""

from __future__ import annotations

import collections
import dataclasses
import importlib
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from absl import flags
from PIL import Image
from tqdm import tqdm

from aquanet_tf import cli, manifest, records, visualize
from data_prep import convert, record_check, tfrecord_file, write_shards

# Commands whose data sets can be repaired.
COMMANDS = ("data_prep.kitti", "data_prep.cityscapes")
SHEET = "contact_sheet.png"
_SHEET_ROWS, _SHEET_WIDTH = 8, 360
# Neighbours that differ by less than this (grey levels, mean) hardly move.
_STILL = 1.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong; `record` and `key` are empty where a whole shard is meant."""

    shard: str
    problem: str
    record: int | None = None
    key: str = ""

    def __str__(self) -> str:
        place = "" if self.record is None else f" record {self.record}"
        return f"{self.shard}{place}{f' ({self.key})' if self.key else ''}: {self.problem}"


class Report(NamedTuple):
    """Faults in the order of the shards, findings of sound records without their frames, and
    rows of three frames (uint8 [h, w, 3]) for the contact sheet."""

    faults: list[Fault]
    findings: list[record_check.Finding]
    rows: list[list[np.ndarray]]


def check(data_dir: str | pathlib.Path, threads: int = 1, only: set[str] | None = None) -> Report:
    """Checks all shards, or those named in `only`.

    Raises ValueError when there is no manifest to compare with.
    """
    folder, info = pathlib.Path(data_dir), manifest.read(data_dir)
    shards = [entry for entry in info["shards"] if only is None or entry["name"] in only]
    report, keys = Report([], [], []), {}
    total = sum(entry["count"] for entry in shards)
    if only is None and total != info["count"]:
        message = f"{info['count']} triplets, but its shards have {total}"
        report.faults.append(Fault(manifest.NAME, message))
    shown = {round(i) for i in np.linspace(0, max(total - 1, 0), _SHEET_ROWS)}
    with ThreadPoolExecutor(threads) as pool, tqdm(total=total, unit="record") as bar:
        before = 0
        for entry in shards:
            bar.set_description(entry["name"])
            here = {number - before for number in shown}
            _check_shard(report, folder, info, entry, keys, here, pool, 4 * threads, bar)
            before += entry["count"]
    return report


def _check_shard(report, folder, info, entry, keys, shown, pool, window, bar) -> None:
    name = entry["name"]
    if problem := manifest.compare(folder, entry):
        report.faults.append(Fault(name, problem))
    if not (folder / name).is_file():
        return

    def look(item: tfrecord_file.Entry):
        if item.data is None:
            return item, record_check.Finding([item.problem])
        keep = item.number in shown
        return item, record_check.inspect(item.data, info["image_format"], keep)

    count = 0
    items = tfrecord_file.read(folder / name)
    for item, finding in write_shards.in_order(look, items, pool, window):
        count += 1
        bar.update(1)
        where = f"{name} record {item.number}"
        if finding.key and keys.setdefault(finding.key, where) != where:
            finding.problems.append(f"the same triplet as {keys[finding.key]}")
        for problem in finding.problems:
            report.faults.append(Fault(name, problem, item.number, finding.key))
        if finding.frames is not None:
            report.rows.append(_thumbnails(finding.frames, info))
            finding.frames = None
        if not finding.problems:
            report.findings.append(finding)
    if count != entry["count"]:
        report.faults.append(Fault(name, f"{count} records, the manifest says {entry['count']}"))


def _thumbnails(frames: np.ndarray, info: dict) -> list[np.ndarray]:
    """Pictures of one size for a row of the contact sheet."""
    width = min(_SHEET_WIDTH, info["image_width"])
    size = (width, max(1, round(info["image_height"] * width / info["image_width"])))
    return [np.asarray(Image.fromarray(f).resize(size, Image.Resampling.BOX)) for f in frames]


def statistics(report: Report) -> str:
    """A few lines on what the sound records hold."""
    found = report.findings
    if not found:
        return "no sound record"
    sizes = collections.Counter("{}x{}".format(*f.size) for f in found)
    cameras = collections.Counter(f.camera for f in found)
    change = np.array([f.change for f in found])
    brightness = np.array([f.brightness for f in found])
    angles = np.array([f.fields_of_view for f in found])
    return "\n".join(
        [
            f"records        {len(found)} sound, of {len({f.drive for f in found})} recordings",
            f"sizes          {_counts(sizes)}",
            f"cameras        {_counts(cameras)}",
            f"field of view  {_span(angles[:, 0])} x {_span(angles[:, 1])} degrees",
            f"brightness     {_span(brightness)} of 255, mean {brightness.mean():.1f}",
            f"change         {_span(change)} grey levels between neighbours, "
            f"median {np.median(change):.1f}; {np.mean(change < _STILL):.1%} hardly move, "
            f"{np.mean(change == 0):.1%} repeat a frame",
        ]
    )


def _counts(counter: collections.Counter) -> str:
    return ", ".join(f"{value} ({number})" for value, number in sorted(counter.items()))


def _span(values: np.ndarray) -> str:
    return f"{values.min():.1f}..{values.max():.1f}"


def draw_sheet(report: Report, path: str | pathlib.Path) -> None:
    """Writes the contact sheet: previous, target and next frame of records from all over."""
    picture = Image.fromarray(visualize.grid(report.rows, labels=records.FRAMES))
    temporary = pathlib.Path(f"{path}.tmp")
    try:
        picture.save(temporary, "PNG")
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            f"--contact_sheet={path}: cannot be written ({error.strerror}); choose another, or none"
        ) from error


def repair(data_dir: str | pathlib.Path, bad: set[str], threads: int = 1) -> None:
    """Writes the shards named `bad` again, by the command and arguments in the manifest.

    Raises ValueError when the command is unknown, the sources are gone or give other bytes than
    before, or a shard is exactly as it was written (then its sources are at fault).
    """
    info = manifest.read(data_dir)
    arguments = info.get("arguments")
    command = arguments.get("command") if isinstance(arguments, dict) else None
    if command not in COMMANDS:
        raise ValueError(f"{data_dir}: written by {command}, which --repair does not know")
    before = {entry["name"]: entry for entry in info["shards"]}
    for name in sorted(bad & set(before)):
        if not manifest.compare(data_dir, before[name]):
            raise ValueError(
                f"{data_dir}/{name}: has faults but is exactly as it was written: its sources or "
                f"arguments are at fault; correct them, delete {data_dir} and prepare it again"
            )
    module = importlib.import_module(command)
    # Whether too many sources are unreadable was decided by the run that wrote the data set.
    others = {"out": str(data_dir), "threads": threads, "max_bad": 1.0}
    after = module.prepare(convert.options_from(module.Options, arguments, **others))
    for entry in after["shards"]:
        if entry["sha256"] != before[entry["name"]]["sha256"]:
            raise ValueError(
                f"{data_dir}/{entry['name']}: written again, but with other bytes than the first "
                "time (sources or installed versions have changed); the manifest is up to date"
            )


def define_flags() -> None:
    """The flags of the command."""
    flags.DEFINE_string("data_dir", None, "Directory of a finished data set.", required=True)
    flags.DEFINE_bool("repair", False, "Write bad shards again from the sources.")
    flags.DEFINE_string(
        "contact_sheet", "", f"PNG to draw; empty: {SHEET} in the data set; none: no picture."
    )
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", lower_bound=1)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    report = check(options.data_dir, options.threads)
    print(statistics(report))
    if report.rows and options.contact_sheet != "none":
        sheet = options.contact_sheet or pathlib.Path(options.data_dir) / SHEET
        draw_sheet(report, sheet)
        print(f"contact sheet  {sheet}")
    for fault in report.faults:
        print(f"fault: {fault}")
    bad = {fault.shard for fault in report.faults}
    if bad and options.repair:
        repair(options.data_dir, bad - {manifest.NAME}, options.threads)
        left = check(options.data_dir, options.threads, bad).faults
        print(f"repaired: {', '.join(sorted(bad))}" if not left else f"left: {left[0]}")
        report = report._replace(faults=left)
    if report.faults:
        raise ValueError(
            f"{options.data_dir}: {len(report.faults)} faults in {len(bad)} files; "
            + ("" if options.repair else "--repair writes bad shards again from the sources")
        )
    print("no fault" if not bad else "no fault left")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
