"""Checks a whole data set: faults of its shards and records, statistics, a contact sheet."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from aquanet_tf import files, progress
from aquanet_tf.data import manifest, records
from aquanet_tf.media import sheet
from data_prep.dataset import shards as dataset_shards
from data_prep.dataset import thumbnails
from data_prep.dataset.checks import inspection, tfrecord

SHEET = "contact_sheet.png"
_SHEET_ROWS, _SHEET_WIDTH = 8, 360
# Neighboring frames that differ by less than this (gray levels, mean) hardly move.
_STILL = 1.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """One problem of a shard, or of one of its records (`record`, `key`)."""

    shard: str
    problem: str
    record: int | None = None
    key: str = ""

    def __str__(self) -> str:
        place = "" if self.record is None else f" record {self.record}"
        return f"{self.shard}{place}{f' ({self.key})' if self.key else ''}: {self.problem}"


class Report(NamedTuple):
    """Faults in the order of the shards; findings of records without fault, without their frames;
    rows of three frames (uint8 [h, w, 3]) for the contact sheet."""

    faults: list[Fault]
    findings: list[inspection.Finding]
    rows: list[list[np.ndarray]]


def check(data_dir: str | pathlib.Path, threads: int = 1, only: set[str] | None = None) -> Report:
    """Compares all shards, or those named in `only`, with the manifest and inspects every record.

    Raises ValueError when there is no manifest to compare with.
    """
    info = manifest.read(data_dir)
    shards = [entry for entry in info["shards"] if only is None or entry["name"] in only]
    total = sum(entry["count"] for entry in shards)
    shown = {round(i) for i in np.linspace(0, max(total - 1, 0), _SHEET_ROWS)}
    with ThreadPoolExecutor(threads) as pool, progress.bar(total=total, unit="record") as bar:
        checker = _Checker(pathlib.Path(data_dir), info, pool, 4 * threads)
        if only is None and total != info["count"]:
            message = f"{info['count']} triplets, but its shards have {total}"
            checker.report.faults.append(Fault(manifest.NAME, message))
        before = 0
        for entry in shards:
            bar.set_description(entry["name"])
            checker.check_shard(entry, {number - before for number in shown}, bar.update)
            before += entry["count"]
    return checker.report


def statistics(report: Report) -> str:
    """Sizes, cameras, brightness and motion of the records without fault, as text of six lines.

    A seventh one has the distances between neighbors, where records have some.
    """
    findings = report.findings
    if not findings:
        return "no sound record"
    sizes = collections.Counter("{}x{}".format(*f.size) for f in findings)
    cameras = collections.Counter(f.camera for f in findings)
    drives = {f.drive for f in findings}
    change = np.array([f.change for f in findings])
    brightness = np.array([f.brightness for f in findings])
    angles = np.array([f.fields_of_view for f in findings])
    return "\n".join(
        [
            f"records        {len(findings)} sound, of {len(drives)} recordings",
            f"sizes          {_counts(sizes)}",
            f"cameras        {_counts(cameras)}",
            f"field of view  {_span(angles[:, 0])} x {_span(angles[:, 1])} degrees",
            f"brightness     {_span(brightness)} of 255, mean {brightness.mean():.1f}",
            f"change         {_span(change)} gray levels between neighbors, "
            f"median {np.median(change):.1f}; {np.mean(change < _STILL):.1%} hardly move, "
            f"{np.mean(change == 0):.1%} repeat a frame",
            *_traveled(findings),
        ]
    )


def draw_sheet(report: Report, path: str | pathlib.Path) -> None:
    """Writes the contact sheet: previous, target and next frame of records of the whole data set.

    OSError names the flag when the file cannot be written.
    """
    picture = Image.fromarray(sheet.grid(report.rows, labels=records.FRAMES))
    try:
        with files.atomic(path) as temporary:
            picture.save(temporary, "PNG")
    except OSError as error:
        raise OSError(f"--contact_sheet: {error}; choose another, or none") from error


class _Checker:
    """Checks shard by shard, on the threads of `pool`; `report` is what was found so far."""

    def __init__(self, folder: pathlib.Path, info: dict, pool: Executor, window: int):
        self.report = Report([], [], [])
        self._folder, self._info, self._pool, self._window = folder, info, pool, window
        self._keys = {}  # key of a triplet -> where it was seen first

    def check_shard(self, entry: dict, shown: set[int], advance: Callable) -> None:
        """Checks the shard of an entry of the manifest. Frames of the records numbered in `shown`
        become rows of the contact sheet; `advance(1)` is called for every record."""
        name = entry["name"]
        if problem := manifest.compare(self._folder, entry):
            self.report.faults.append(Fault(name, problem))
        if not (self._folder / name).is_file():
            return
        count = 0
        for number, finding in self._findings(name, shown):
            self._add(name, number, finding)
            count += 1
            advance(1)
        if count != entry["count"]:
            problem = f"{count} records, the manifest says {entry['count']}"
            self.report.faults.append(Fault(name, problem))

    def _findings(self, name: str, shown: set[int]) -> Iterator[tuple[int, inspection.Finding]]:
        def look(item: tfrecord.Entry):
            if item.data is None:
                return item.number, inspection.Finding([item.problem])
            keep = item.number in shown
            return item.number, inspection.inspect(item.data, self._info["image_format"], keep)

        items = tfrecord.read(self._folder / name)
        return dataset_shards.in_order(look, items, self._pool, self._window)

    def _add(self, name: str, number: int, finding: inspection.Finding) -> None:
        where = f"{name} record {number}"
        if finding.key and self._keys.setdefault(finding.key, where) != where:
            finding.problems.append(f"the same triplet as {self._keys[finding.key]}")
        for problem in finding.problems:
            self.report.faults.append(Fault(name, problem, number, finding.key))
        if finding.frames is not None:
            self.report.rows.append(self._row(finding.frames))
            finding.frames = None
        if not finding.problems:
            self.report.findings.append(finding)

    def _row(self, frames: np.ndarray) -> list[np.ndarray]:
        """Frames uint8 [3, h, w, 3] as a row of the contact sheet, whose images have one size."""
        shape = self._info["image_height"], self._info["image_width"]
        size = thumbnails.size_at(min(_SHEET_WIDTH, shape[1]), shape)
        return [np.asarray(thumbnails.shrunk(Image.fromarray(frame), size)) for frame in frames]


def _traveled(findings: list[inspection.Finding]) -> list[str]:
    """The line of the distances; none where no record has one."""
    meters = np.array([each for finding in findings for each in finding.distances])
    if not meters.size:
        return []
    return [
        f"distance       {_span(meters)} m between neighbors, median {np.median(meters):.2f}; "
        f"{sum(bool(finding.distances) for finding in findings)} records have one"
    ]


def _counts(counter: collections.Counter) -> str:
    return ", ".join(f"{value} ({number})" for value, number in sorted(counter.items()))


def _span(values: np.ndarray) -> str:
    return f"{values.min():.1f}..{values.max():.1f}"
