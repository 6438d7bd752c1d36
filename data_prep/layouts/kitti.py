"""KITTI raw as a source of triplets: drives, cameras, splits, calibration.

The synthetic street and the frames of a video are stored in this layout, too.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

from aquanet_tf.kitti import eigen_split, split_file
from aquanet_tf.kitti import layout as kitti_layout
from data_prep.dataset import encode, select
from data_prep.dataset import options as dataset_options
from data_prep.dataset import prepare as dataset_prepare


@dataclasses.dataclass(frozen=True)
class Options(dataset_options.Options):
    """What to write; every field is a flag of data_prep.kitti.

    camera: numbers of the cameras. min_speed: below it a triplet stands still, m/s.
    """

    camera: tuple[int, ...] = (2,)
    min_speed: float = 0.5


def prepare(options: Options) -> dict:
    """Writes the data set, or completes an interrupted run; returns its manifest.

    Raises ValueError and OSError as dataset.prepare.
    """

    @functools.cache
    def stored(calibration, camera):
        return camera_view(calibration, camera, options.height)

    drives = kitti_layout.list_drives(options.raw_dir)
    source = dataset_prepare.Source(
        command="data_prep.kitti",
        drives=drives,
        cameras=options.camera,
        split=read_split(options.split, drives),
        static=select.StaticFilter(options.min_speed, options.min_difference),
        view_of=lambda triplet: stored(triplet.drive.calibration, triplet.camera),
    )
    return dataset_prepare.prepare(options, source)


def read_split(
    split: str, drives: list[kitti_layout.Drive]
) -> list[split_file.SplitEntry] | None:
    """Entries of --split: of a file, of the Eigen split or a part of it; None for `all`.

    ValueError when there is no such file, or none of the drives of the Eigen split.
    """
    if split == "all":
        return None
    if split not in eigen_split.TRAINING_SPLITS:
        if not pathlib.Path(split).exists():
            raise ValueError(
                f"--split={split}: no such file, and none of all, "
                f"{', '.join(eigen_split.TRAINING_SPLITS)}; the test images are only for "
                "aquanet_tf.evaluate --protocol"
            )
        return split_file.read(split)
    entries = eigen_split.training_entries(split, [drive.name for drive in drives])
    if not entries:
        present = ", ".join(drive.name for drive in drives[:3])
        raise ValueError(
            f"--split={split}: none of its drives is in the raw directory, which has {present}"
            + (", ..." if len(drives) > 3 else "")
        )
    return entries


def camera_view(calibration: str | pathlib.Path, camera: int, height: int) -> encode.View:
    """How images of a camera are stored: `height` pixels high (0: as recorded), aspect kept.

    ValueError when the calibration file is missing or damaged.
    """
    shape = kitti_layout.image_shape(calibration, camera)
    return encode.view(shape, kitti_layout.intrinsics(calibration, camera), height)
