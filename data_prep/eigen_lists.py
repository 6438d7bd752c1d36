"""Writes the Eigen split as list files in the field's format, `DATE/DRIVE FRAME l|r`:

    python -m data_prep.eigen_lists --out splits/eigen [--raw_dir KITTI_RAW]

test_files.txt (697 frames) and test_improved_files.txt (652) need no data. With --raw_dir also
train_files.txt and val_files.txt: the frames below it that `data_prep.kitti --split=eigen_train`
and `eigen_val` choose, cameras 2 and 3, neighbors present and not standing still.
"""

from __future__ import annotations

import os
import pathlib
from concurrent.futures import ThreadPoolExecutor

from absl import flags

from aquanet_tf import cli, files
from aquanet_tf.kitti import eigen_split
from aquanet_tf.kitti import layout as kitti_layout
from data_prep.dataset import select

_SIDES = {2: "l", 3: "r"}


def lists(raw_dir: str | None, static: select.StaticFilter, threads: int) -> dict[str, list[str]]:
    """File name -> its lines. ValueError as kitti_layout.list_drives."""
    found = {
        "test_files.txt": [_line(*e) for e in _test(improved=False)],
        "test_improved_files.txt": [_line(*e) for e in _test(improved=True)],
    }
    if raw_dir is None:
        return found
    drives = kitti_layout.list_drives(raw_dir)
    with ThreadPoolExecutor(threads) as pool:
        for split, name in (("eigen_train", "train_files.txt"), ("eigen_val", "val_files.txt")):
            entries = eigen_split.training_entries(split, [drive.name for drive in drives])
            chosen = select.choose(drives, [2, 3], entries, 1, static, pool)
            found[name] = [_line(t.drive.name, t.frames[1], t.camera) for t in chosen.triplets]
    return found


def _test(improved: bool):
    return [
        (entry.drive, entry.frame, entry.camera) for entry in eigen_split.test_entries(improved)
    ]


def _line(drive: str, frame: int, camera: int) -> str:
    return f"{drive} {frame:010d} {_SIDES[camera]}"


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    static = select.StaticFilter(options.min_speed, options.min_difference)
    found = lists(options.raw_dir, static, options.threads)
    folder = pathlib.Path(options.out)
    for name, lines in found.items():
        with files.atomic(folder / name) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines))
        print(f"{folder / name}: {len(lines)} frames")


if __name__ == "__main__":
    flags.DEFINE_string("out", None, "Folder for the list files.", required=True)
    flags.DEFINE_string("raw_dir", None, "KITTI raw, for the lists of training and validation.")
    flags.DEFINE_float("min_speed", 0.5, "Standing still below this, m/s (drives with oxts).")
    flags.DEFINE_float("min_difference", 1.0, "Without oxts: still below this difference, 0..255.")
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", lower_bound=1)
    cli.run(main)
