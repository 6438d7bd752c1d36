"""Writes triplets of KITTI raw, or of a synthetic street, as a data set for training.

    python -m data_prep.kitti --raw_dir DIR --out DIR [--height 192] [--split eigen|FILE]

Written: in --out, TFRecord shards, manifest.json, and sources.json (what they were made of).
Triplets that stand still or miss a frame are left out. Images of unrectified drives (_extract) are
rectified. Re-run an interrupted command to resume it.

Errors: "error: ..." names the flag or the file. An image whose size differs from the calibration,
or that has an EXIF orientation, stops the command, because K would be wrong for it. Unreadable
images are left out and listed in the manifest, up to --max_bad.
"""

from __future__ import annotations

from absl import flags

from aquanet_tf import cli
from data_prep.dataset import options as dataset_options
from data_prep.dataset import prepare
from data_prep.layouts import kitti
from data_prep.layouts.kitti import Options


def define_flags() -> None:
    """The flags of the command."""
    dataset_options.define_flags(
        Options,
        raw_dir="Directory in KITTI raw layout: DATE/DRIVE/image_02.",
        split="all; eigen: all drives except the 28 test drives (matched by name), of which "
        "eigen_val are four and eigen_train the others; or a file of lines DATE/DRIVE [FRAME "
        "[l|r]], or of picture paths as packnet, BTS and SfMLearner write them.",
    )
    flags.adopt_module_key_flags(dataset_options)  # or --help would not show them
    flags.DEFINE_list("camera", ["2"], "Camera numbers: 2 (left color), 3 (right color).")
    flags.DEFINE_float("min_speed", 0.5, "With oxts: a triplet stands still below this speed, m/s.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = dataset_options.from_flags(Options, camera=_cameras(flags.FLAGS.camera))
    prepare.print_summary(kitti.prepare(options), options.out)


def _cameras(words: list[str]) -> tuple[int, ...]:
    if not words or not set(words) <= {"0", "1", "2", "3"}:
        raise ValueError(f"--camera={','.join(words)}: expected camera numbers from 0 to 3, as 2,3")
    return tuple(sorted(int(word) for word in set(words)))


if __name__ == "__main__":
    define_flags()
    cli.run(main)
