"""KITTI raw as a source of triplets: drives, cameras, splits, calibration.

The synthetic street and the frames of a video are stored in this layout, too.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib

from PIL import Image

from aquanet_tf.kitti import eigen_split, split_file
from aquanet_tf.kitti import layout as kitti_layout
from data_prep.dataset import encode, rectify, select
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
    def stored(calibration, camera, shape):
        return camera_view(options, calibration, camera, shape)

    shapes = {}

    def view_of(triplet):
        drive, camera = triplet.drive, triplet.camera
        if shapes.get((drive.name, camera)) is None:
            shapes[drive.name, camera] = image_shape(triplet.paths)
        return stored(drive.calibration, camera, shapes[drive.name, camera])

    drives = kitti_layout.list_drives(options.raw_dir)
    if not _is_file(options.split):
        drives = kitti_layout.without_copies(drives)
    split = read_split(options.split, drives)
    if _is_file(options.split):
        # The manifest must name it from any directory: data_prep.check repairs by it.
        options = dataclasses.replace(options, split=str(pathlib.Path(options.split).resolve()))
    source = dataset_prepare.Source(
        command="data_prep.kitti",
        drives=drives,
        cameras=options.camera,
        split=split,
        static=select.StaticFilter(options.min_speed, options.min_difference),
        view_of=view_of,
    )
    return dataset_prepare.prepare(options, source)


def read_split(split: str, drives: list[kitti_layout.Drive]) -> list[split_file.SplitEntry] | None:
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


def _is_file(split: str) -> bool:
    return split != "all" and split not in eigen_split.TRAINING_SPLITS


def image_shape(paths) -> tuple[int, int] | None:
    """(height, width) of the first readable image; None: none is."""
    for path in paths:
        try:
            with Image.open(path) as image:
                return image.height, image.width
        except kitti_layout.UNREADABLE:
            continue
    return None


def camera_view(
    options: Options, calibration: pathlib.Path, camera: int, shape: tuple[int, int] | None
) -> encode.View:
    """How images of a camera are stored: `options.height` pixels high (0: as recorded), aspect
    kept.

    shape: (height, width) of its images. Where it is that of the recording and not that of the
    rectified image, the images will be rectified. ValueError when the calibration file is missing
    or damaged.
    """
    rectified = kitti_layout.image_shape(calibration, camera)
    k = kitti_layout.intrinsics(calibration, camera)
    origin = f"{_below(calibration, options.raw_dir)} camera {camera}"
    stored = encode.view(rectified, k, options.height, origin=origin)
    if shape is None or shape == rectified:
        return stored
    if shape != kitti_layout.recorded_shape(calibration, camera):
        return stored  # the encoder names the image
    lens = rectify.Lens(
        *kitti_layout.recorded_camera(calibration, camera), tuple(k.ravel()), shape, rectified
    )
    return stored._replace(recorded=shape, lens=lens, origin=f"{origin} unrectified")


def recorded_camera(options: Options, origin: str, before: dict) -> dict | None:
    """The camera described at `origin` (FILE camera NUMBER, below the raw directory), as in a
    record of `dataset.origins`; None when the file is gone. `before`: that record's entry.

    ValueError when the file is damaged.
    """
    name, _, text = origin.rpartition(" camera ")
    path = pathlib.Path(options.raw_dir) / name
    if not path.is_file():
        return None
    height, width = map(int, before["size"].split("x"))
    return camera_view(options, path, int(text.split()[0]), (height, width)).description()


def _below(path: pathlib.Path, folder: str) -> str:
    return pathlib.Path(os.path.relpath(path, folder)).as_posix()
