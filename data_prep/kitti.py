"""KITTI raw layout (real drives or the generated street) to TFRecord shards of triplets:

python -m data_prep.kitti --raw_dir DIR --out DIR [--height 192] [--split eigen|FILE]
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

from absl import flags

from aquanet_tf import cli, eigen, kitti_layout
from data_prep import convert, triplets


@dataclasses.dataclass(frozen=True)
class Options(convert.Options):
    """What to write; every field is a flag of the same name."""

    camera: tuple[int, ...] = (2,)
    min_speed: float = 0.5


def prepare(options: Options) -> dict:
    """Writes the data set, or completes it; returns its manifest. Errors as convert.prepare."""

    @functools.cache
    def stored(calibration, camera):
        return camera_view(calibration, camera, options.height)

    drives = kitti_layout.list_drives(options.raw_dir)
    source = convert.Source(
        command="data_prep.kitti",
        drives=drives,
        cameras=options.camera,
        split=read_split(options.split, drives),
        static=triplets.StaticFilter(options.min_speed, options.min_difference),
        view_of=lambda triplet: stored(triplet.drive.calibration, triplet.camera),
    )
    return convert.prepare(options, source)


def read_split(
    split: str, drives: list[kitti_layout.Drive]
) -> list[kitti_layout.SplitEntry] | None:
    """Entries of a split file or of a part of the Eigen split; None for all.

    ValueError when none of the Eigen split's drives is there.
    """
    if split == "all":
        return None
    if split not in eigen.TRAINING_SPLITS:
        if not pathlib.Path(split).exists():
            raise ValueError(
                f"--split={split}: no such file, and none of all, "
                f"{', '.join(eigen.TRAINING_SPLITS)}; the test images are for "
                "aquanet_tf.evaluate --protocol alone"
            )
        return kitti_layout.read_split(split)
    entries = eigen.training_entries(split, [drive.name for drive in drives])
    if not entries:
        present = ", ".join(drive.name for drive in drives[:3])
        raise ValueError(
            f"--split={split}: none of its drives is in the raw directory, which has {present}"
            + (", ..." if len(drives) > 3 else "")
        )
    return entries


def camera_view(calibration: str | pathlib.Path, camera: int, height: int) -> convert.View:
    """How images of a camera are stored `height` pixels high (0: as recorded), aspect kept.

    ValueError when the calibration file is missing or damaged.
    """
    shape = kitti_layout.image_shape(calibration, camera)
    return convert.view(shape, kitti_layout.intrinsics(calibration, camera), height)


def define_flags() -> None:
    """The flags of the command."""
    convert.define_flags(
        Options,
        raw_dir="KITTI raw layout: DATE/DRIVE/image_02.",
        split="all; eigen (all but the 28 test drives) or its parts eigen_train, eigen_val; or a "
        "file of lines DATE/DRIVE [FRAME [l|r]].",
    )
    flags.DEFINE_list("camera", ["2"], "Cameras: 2 (left colour), 3 (right colour).")
    flags.DEFINE_float("min_speed", 0.5, "Standing still below this, m/s (drives with oxts).")


def main(argv):
    """Command line: `prepare`, then a summary."""
    del argv
    options = convert.from_flags(Options, camera=_cameras(flags.FLAGS.camera))
    convert.print_summary(prepare(options), options.out)


def _cameras(words: list[str]) -> tuple[int, ...]:
    if not words or not set(words) <= {"0", "1", "2", "3"}:
        raise ValueError(f"--camera={','.join(words)}: expected camera numbers like 2,3")
    return tuple(sorted(int(word) for word in set(words)))


if __name__ == "__main__":
    define_flags()
    cli.run(main)
