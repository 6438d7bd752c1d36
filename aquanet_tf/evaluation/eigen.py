"""TODO docstring of aquanet_tf.evaluation.eigen."""

from __future__ import annotations

from aquanet_tf.kitti import eigen_split, ground_truth

# What a protocol fixes, by the names of the flags of aquanet_tf.evaluate.
PROTOCOLS = {
    "eigen_original": {"ground_truth": "velodyne", "crop": "garg", "max_depth": 80.0},
    "eigen_improved": {"ground_truth": "depth", "crop": "none", "max_depth": 80.0},
}


def find_frames(gt_dir: str, protocol: str) -> list[ground_truth.Frame]:
    """All frames of a protocol. Raises ValueError naming what is missing below `gt_dir`: with some
    of the images left out, the numbers could not be compared with anybody's."""
    entries = eigen_split.test_entries(improved=protocol == "eigen_improved")
    source = PROTOCOLS[protocol]["ground_truth"]
    frames, missing, _ = ground_truth.collect(gt_dir, entries, 2, source)
    if missing:
        missing.sort(key=lambda text: not text.startswith("drive "))
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ValueError(
            f"--protocol={protocol}: {len(frames)} of its {len(entries)} images are complete; "
            f"missing {'; '.join(missing[:5])}{more}"
        )
    return frames
