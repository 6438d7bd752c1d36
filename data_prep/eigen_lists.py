"""Writes the Eigen split as list files in the usual format, `DATE/DRIVE FRAME l|r`.

    python -m data_prep.eigen_lists --out splits/eigen [--raw_dir KITTI_RAW]

Written: test_files.txt (697 frames) and test_improved_files.txt (652), which need no data. With
--raw_dir also train_files.txt and val_files.txt: the target frames that `data_prep.kitti
--split=eigen_train` and `--split=eigen_val` choose from these drives, cameras 2 and 3.

Errors: "error: ..." names the flag or the directory.
"""

from __future__ import annotations

import os
import pathlib

from absl import flags

from aquanet_tf import cli, files
from data_prep.dataset import select
from data_prep.layouts import eigen_lists


def define_flags() -> None:
    """The flags of the command."""
    cli.define_output("out", None, "Directory for the list files.", required=True, folder=True)
    cli.define_path("raw_dir", None, "KITTI raw, for the lists of training and validation.")
    flags.DEFINE_float("min_speed", 0.5, "With oxts: standing still below this speed, m/s.")
    flags.DEFINE_float(
        "min_difference", 1.0, "Without oxts: standing still below this difference, 0..255."
    )
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", lower_bound=1)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    static = select.StaticFilter(options.min_speed, options.min_difference)
    found = eigen_lists.lists(options.raw_dir, static, options.threads)
    folder = pathlib.Path(options.out)
    for name, lines in found.items():
        files.write_text(folder / name, "".join(f"{line}\n" for line in lines))
        print(f"{folder / name}: {len(lines)} frames")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
