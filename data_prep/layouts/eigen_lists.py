"""The Eigen split as lists of frames, one `DATE/DRIVE FRAME l|r` per line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aquanet_tf.kitti import eigen_split
from aquanet_tf.kitti import layout as kitti_layout
from data_prep.dataset import select

_SIDES = {2: "l", 3: "r"}


def lists(raw_dir: str | None, static: select.StaticFilter, threads: int) -> dict[str, list[str]]:
    """File name -> lines.

    raw_dir: KITTI raw, for the lists of training and validation; None: only the lists of test
    images. static: which triplets are left out. ValueError when raw_dir holds no drive.
    """
    found = {
        "test_files.txt": [_line(*e) for e in _test(improved=False)],
        "test_improved_files.txt": [_line(*e) for e in _test(improved=True)],
    }
    if raw_dir is None:
        return found
    drives = kitti_layout.without_copies(kitti_layout.list_drives(raw_dir))
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
