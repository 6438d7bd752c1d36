"""The two protocols of the Eigen split (`--protocol`), and the frames they are measured on.

`eigen_original`: 697 images, raw velodyne scans, Garg crop. `eigen_improved`: the 652 images with
annotated depth maps, no crop. Both cap depth at 80 m.
"""

from __future__ import annotations

from aquanet_tf.kitti import eigen_split, ground_truth

# What a protocol fixes, under the names of the flags of aquanet_tf.evaluate.
PROTOCOLS = {
    "eigen_original": {"ground_truth": "velodyne", "crop": "garg", "max_depth": 80.0},
    "eigen_improved": {"ground_truth": "depth", "crop": "none", "max_depth": 80.0},
}


def evaluated_frames(
    gt_dir: str, split: str, camera: int, source: str, depth_dir: str = ""
) -> tuple[list[ground_truth.Frame], int]:
    """The frames that an evaluation measures, and the number of images without ground truth.

    split: a key of PROTOCOLS, which then decides camera and source; else as in
    `ground_truth.find_frames`. Raises ValueError that names missing files.
    """
    if split in PROTOCOLS:
        return find_frames(gt_dir, split, depth_dir), 0
    return ground_truth.find_frames(gt_dir, split, camera, source, depth_dir)


def find_frames(gt_dir: str, protocol: str, depth_dir: str = "") -> list[ground_truth.Frame]:
    """All frames of a protocol; `depth_dir` as in `ground_truth.find_frames`.

    Raises ValueError that names what is missing below `gt_dir`: numbers on a part of the images
    are not comparable with published ones.
    """
    entries = eigen_split.test_entries(improved=protocol == "eigen_improved")
    source = PROTOCOLS[protocol]["ground_truth"]
    frames, missing, _ = ground_truth.collect(gt_dir, entries, 2, source, depth_dir)
    if missing:
        missing.sort(key=lambda text: not text.startswith("drive "))
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ValueError(
            f"--protocol={protocol}: {len(frames)} of its {len(entries)} images are complete; "
            f"missing {'; '.join(missing[:5])}{more}"
        )
    return frames
