"""KITTI raw layout (real drives or the generated street) to TFRecord shards of triplets:

python -m data_prep.kitti --raw_dir DIR --out DIR [--height 192] [--split eigen|FILE]
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
        raw_dir="KITTI raw layout: DATE/DRIVE/image_02.",
        split="all; eigen (all but the 28 test drives) or its parts eigen_train, eigen_val; or a "
        "file of lines DATE/DRIVE [FRAME [l|r]].",
    )
    flags.DEFINE_list("camera", ["2"], "Cameras: 2 (left color), 3 (right color).")
    flags.DEFINE_float("min_speed", 0.5, "Standing still below this, m/s (drives with oxts).")


def main(argv):
    """Command line: `prepare`, then a summary."""
    del argv
    options = dataset_options.from_flags(Options, camera=_cameras(flags.FLAGS.camera))
    prepare.print_summary(kitti.prepare(options), options.out)


def _cameras(words: list[str]) -> tuple[int, ...]:
    if not words or not set(words) <= {"0", "1", "2", "3"}:
        raise ValueError(f"--camera={','.join(words)}: expected camera numbers like 2,3")
    return tuple(sorted(int(word) for word in set(words)))


if __name__ == "__main__":
    define_flags()
    cli.run(main)
