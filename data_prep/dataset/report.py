"""TODO docstring of data_prep.dataset.report."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from aquanet_tf import files, progress
from aquanet_tf.data import manifest, records
from aquanet_tf.media import sheet
from data_prep.dataset import inspection, tfrecord
from data_prep.dataset import shards as dataset_shards

SHEET = "contact_sheet.png"
_SHEET_ROWS, _SHEET_WIDTH = 8, 360
# Neighbors that differ by less than this (gray levels, mean) hardly move.
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
    findings: list[inspection.Finding]
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
    with ThreadPoolExecutor(threads) as pool, progress.bar(total=total, unit="record") as bar:
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

    def look(item: tfrecord.Entry):
        if item.data is None:
            return item, inspection.Finding([item.problem])
        keep = item.number in shown
        return item, inspection.inspect(item.data, info["image_format"], keep)

    count = 0
    items = tfrecord.read(folder / name)
    for item, finding in dataset_shards.in_order(look, items, pool, window):
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
            f"change         {_span(change)} gray levels between neighbors, "
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
    picture = Image.fromarray(sheet.grid(report.rows, labels=records.FRAMES))
    try:
        with files.atomic(path) as temporary:
            picture.save(temporary, "PNG")
    except OSError as error:
        raise OSError(f"--contact_sheet: {error}; choose another file, or none") from error
