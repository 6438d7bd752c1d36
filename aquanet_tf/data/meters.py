"""What a run in meters needs: distances in its records, and levels that cover a road.

With --speed_weight the unit of depth is the meter, so --inverse_depth_min and --inverse_depth_max
are in 1 / meters, and so is the ramp of the kick-start.
"""

from __future__ import annotations

from absl import logging

from aquanet_tf.config import Config
from aquanet_tf.data import mixture

# Levels should reach from cars beside the road to the end of what a camera resolves, meters.
NEAR, FAR = 4.0, 60.0
# Distances at which cameras of cars see the road in the last row of their images, meters.
LAST_ROW = (2.0, 15.0)
# How to add distances to records.
PREPARE = (
    "prepare the data anew, with oxts (data_prep.kitti), vehicle data (data_prep.cityscapes) or "
    "--speed_kmh or --speed_csv (data_prep.video)"
)


def check(config: Config) -> None:
    """Warns where data sets lack distances, or the range of depth does not fit meters.

    ValueError when no data set of --data_dir has a distance.
    """
    sets = mixture.training_sets(config)
    without = [str(each.directory) for each in sets if not each.info.get("distances")]
    if len(without) == len(sets):
        raise ValueError(
            f"--speed_weight={config.speed_weight:g}: no record of --data_dir={config.data_dir} "
            f"has a distance; {PREPARE}"
        )
    for each in sets:
        known, count = each.info.get("distances", 0), each.info["count"]
        if known < count:
            logging.warning(
                "--speed_weight: %d of %d triplets of %s have a distance; the others get their "
                "scale from PoseNet alone",
                known,
                count,
                each.directory,
            )
    for text in warnings(config):
        logging.warning("--speed_weight: %s", text)


def warnings(config: Config) -> list[str]:
    """Why the range of inverse depth, read as 1 / meters, does not fit a road; one sentence each.

    With --depth_scaling=proportional an image resized by s has s times the inverse depth: the
    levels must hold near things at the largest s, and far ones at the smallest.
    """
    low, high = _growth(config)
    near, far = high / config.inverse_depth_max, low / config.inverse_depth_min
    texts = []
    if near > NEAR:
        texts.append(
            f"nothing nearer than {near:.3g} m can be seen (largest resize factor): raise "
            f"--inverse_depth_max to {high / 1.5:.2g} or so"
        )
    if far < FAR:
        texts.append(
            f"nothing farther than {far:.3g} m can be seen (smallest resize factor): lower "
            f"--inverse_depth_min to {low / 80:.2g} or so"
        )
    row = 1.0 / (config.kickstart_ramp * config.inverse_depth_max)
    if config.kickstart_epochs and not LAST_ROW[0] <= row <= LAST_ROW[1]:
        texts.append(
            f"the kick-start assumes that the road in the last row is {row:.3g} m away: set "
            "--kickstart_ramp so that 1 / (ramp * --inverse_depth_max) is its distance"
        )
    return texts


def _growth(config: Config) -> tuple[float, float]:
    """Smallest and largest growth of inverse depth by resizing, see `geometry.depth_scaling`."""
    if config.depth_scaling == "proportional":
        return config.resize_min, config.resize_max
    if config.depth_scaling == "inverse":
        return 1 / config.resize_max, 1 / config.resize_min
    return 1.0, 1.0
