"""Verifies a data set, and repairs it from its sources.

    python -m data_prep.check --data_dir DIR [--repair]

Compares every shard with the manifest (size, sha256), verifies the CRC of every record, decodes
every frame, checks every K, and prints statistics. While the sources are there, compares them with
the record of what the data set was made of. Written: a contact sheet (--contact_sheet).

Every fault is printed with its shard and record; the exit code is 1 if any remains. `--repair`
rewrites only the damaged shards, from the sources named in the manifest, so repair reproduces the
original bytes. Errors in the source images, and changes caused by newer library versions, are
reported separately.
"""

from __future__ import annotations

import os
import pathlib

from absl import flags

from aquanet_tf import cli
from aquanet_tf.data import manifest
from data_prep.dataset.checks import repair
from data_prep.dataset.checks import report as dataset_report
from data_prep.dataset.checks.report import SHEET
from data_prep.layouts import cityscapes, kitti, source_check

# Commands whose data sets can be repaired.
REPAIRABLE = {"data_prep.kitti": kitti, "data_prep.cityscapes": cityscapes}


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("data_dir", None, "Directory of the data set.", required=True)
    flags.DEFINE_bool("repair", False, "Rewrite damaged shards from the sources.")
    sheet = f"PNG to write; empty: {SHEET} in --data_dir; none: do not write one."
    cli.define_output("contact_sheet", "", sheet)
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", lower_bound=1)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    report = dataset_report.check(options.data_dir, options.threads)
    print(dataset_report.statistics(report))
    for fault in report.faults:
        print(f"fault: {fault}")
    if report.rows and options.contact_sheet != "none":
        sheet = options.contact_sheet or pathlib.Path(options.data_dir) / SHEET
        dataset_report.draw_sheet(report, sheet)
        print(f"contact sheet  {sheet}")
    bad = {fault.shard for fault in report.faults}
    if bad and options.repair:
        repair.repair(options.data_dir, bad - {manifest.NAME}, REPAIRABLE, options.threads)
        left = dataset_report.check(options.data_dir, options.threads, bad).faults
        print(f"repaired: {', '.join(sorted(bad))}" if not left else f"left: {left[0]}")
        report = report._replace(faults=left)
    source_check.verify(options.data_dir, REPAIRABLE)
    if report.faults:
        fix = "remove it and prepare it again" if options.repair else "--repair rewrites the files"
        faults = f"{len(report.faults)} faults in {len(bad)} files"
        raise ValueError(f"{options.data_dir}: {faults}; {fix}")
    print("no fault" if not bad else "no fault left")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
