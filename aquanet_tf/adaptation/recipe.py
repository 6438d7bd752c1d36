"""The options of both trainings of an adaptation: a few hundred steps from a trained network."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import NamedTuple

from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.runs.layout import CONFIG_FILE, RUN_FILE

# Folders below --out.
STAGE1, STAGE2 = "stage1", "stage2"
# Triplets to train on: more would take longer to mask than they improve.
TRIPLETS = 500
_STEPS, _EPOCHS, _KICKSTART = 50, 8, 4
_MULTIPLE = 16  # of the sides of a crop, pixels
# Options of both stages, whatever those of the network were.
_FIXED = {
    "stage": "1",
    "stage1_workdir": "",
    "stage2_posenet": "scratch",
    "data_weights": "",
    "val_gt_dir": "",
    "keep_best": "",
    "init_checkpoint": "newest",
    "init_partial": False,
    # PoseNet of another camera sees far too little motion here, and depth would follow it.
    "init_kickstart": True,
    # Without it the depth of a queue that moves with the camera may become infinite
    # (docs/adapt.md#measured).
    "anchor_weight": 0.01,
    "photometric": True,
    "encoder_weights": "none",
    "batch_size": 4,
    "depth_scaling": "proportional",
    "speed_weight": 0.0,
    "boosting_weight": 0.0,
    # With these the network that adapt starts from finds a real car that keeps pace
    # (docs/results/moving_cars.md#what-the-masks-find).
    "mask": "spimo",
    "mask_source": "cached",
    "spimo_source": "plain",
    "spimo_passes": 4,
    "spimo_shift_u": 0.5,
    "spimo_shift_v": -0.25,
    "spimo_resolution": 1.0,
    "spimo_renormalize": False,
    "spimo_threshold": 0.1,
    "spimo_margin": 0,
    "kickstart_epochs": _KICKSTART,
    "pose_frozen_epochs": 0,
    "warmup_epochs": 0,
    "steps_per_epoch": _STEPS,
    "kickstart_learning_rate": 1e-3,
    "learning_rate": 1e-4,
    "rate_schedule": "cosine",
    "milestones": "",
    "ema": 0.98,
    "mixed_precision": "off",
    "steps_per_execution": 1,
    "panels_every": 0,
    "keep_checkpoints": 2,
    "collapse": "warn",
    "seed": 1,
}


class Source(NamedTuple):
    """The run that an adaptation starts from: its directory, options, and the height in pixels of
    its training images."""

    workdir: str
    config: Config
    height: int


def source(workdir: str) -> Source:
    """Reads a run or a release. ValueError naming --init_from when `workdir` is none, or a file
    that is missing or damaged."""
    folder = pathlib.Path(workdir)
    if not (folder / CONFIG_FILE).is_file():
        raise ValueError(
            f"--init_from={workdir}: no {CONFIG_FILE} in it; name the directory of a run or of a "
            "release"
        )
    config = Config.load(folder / CONFIG_FILE)
    try:
        height = int(files.read(folder / RUN_FILE)["data"]["image_height"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / RUN_FILE}: missing or damaged ({error})") from error
    return Source(workdir, config, height)


def require_camera(start: Source, learn_intrinsics: bool) -> None:
    """Raises ValueError for a network that cannot be adapted to a camera that nobody knows."""
    if start.config.focal_planes and learn_intrinsics:
        raise ValueError(
            f"--init_from={start.workdir}: its network needs focal lengths (--focal_planes); give "
            "the camera with --intrinsics, or start from another network"
        )


def options(
    start: Source, out: pathlib.Path, shape: tuple[int, int], learn_intrinsics: bool, epochs: int
) -> tuple[Config, Config]:
    """The options of stage 1 and of stage 2.

    Both start from the same network, which has no holes: what stage 1 learns wrongly about moving
    objects is not handed on. Stage 2 takes the cameras, PoseNet and masks of stage 1.

    Args:
        start: networks, losses and the height of the crops are those of this run.
        out: directory of the adaptation.
        shape: (height, width) of the cropped frames; the crop gets their aspect.
        learn_intrinsics: whether the camera is learned.
        epochs: of each stage; 0: as many as the recipe has.
    """
    before = start.config
    aspect = shape[1] / shape[0]
    records = out / "clip"
    one = dataclasses.replace(
        before,
        **_FIXED,
        data_dir=str(records / "records"),
        val_data_dir=str(records / "records_held_out"),
        init_from=start.workdir,
        crop_width=_side(before.crop_height * aspect),
        pose_input_width=_side(before.pose_input_height * aspect),
        resize_min=before.crop_height / start.height,
        resize_max=max(1.0, 1.3 * before.crop_height / start.height),
        learn_intrinsics=learn_intrinsics,
        epochs=(epochs or _EPOCHS) + _KICKSTART,
    )
    two = dataclasses.replace(
        one,
        stage="2",
        stage1_workdir=str(out / STAGE1),
        stage2_posenet="stage1",
        init_kickstart=False,
        kickstart_epochs=0,
        epochs=epochs or _EPOCHS,
    )
    return one, two


def write(config: Config, path: pathlib.Path) -> None:
    """A flagfile of all options that are not the default."""
    plain = dataclasses.asdict(Config())
    lines = [
        f"--{name}={value}"
        for name, value in dataclasses.asdict(config).items()
        if value != plain[name]
    ]
    files.write_text(path, "\n".join(lines) + "\n")


def _side(pixels: float) -> int:
    """The largest side of a crop that fits into `pixels`."""
    return max(_MULTIPLE, int(pixels) // _MULTIPLE * _MULTIPLE)
