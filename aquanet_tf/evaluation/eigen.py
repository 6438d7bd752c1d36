"""TODO docstring of aquanet_tf.evaluation.eigen."""

from __future__ import annotations

from aquanet_tf.kitti import eigen_split, ground_truth

# What a protocol fixes, by the names of the flags of aquanet_tf.evaluate.
PROTOCOLS = {
    "eigen_original": {"ground_truth": "velodyne", "crop": "garg", "max_depth": 80.0},
    "eigen_improved": {"ground_truth": "depth", "crop": "none", "max_depth": 80.0},
}


def fix_flags(options, protocol: str) -> None:
    """Sets the flags of aquanet_tf.evaluate, `options` (absl's FLAGS), that `protocol` fixes.

    Raises ValueError when one of them was given on the command line.
    """
    for name in ("split", "camera", *PROTOCOLS[protocol]):
        if options[name].present:
            raise ValueError(f"--{name} is fixed by --protocol={protocol}: leave it out")
    for name, value in PROTOCOLS[protocol].items():
        setattr(options, name, value)


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
