"""Every training option in one flat, frozen, commented place, and the absl flags made from it.

A field becomes a flag of the same name (`define_flags`), a flagfile sets it, and the resolved
`Config` is written to the workdir as `config.json`, from which every later command rebuilds
the networks. Ranges and choices are checked when a `Config` is built, so a bad value in a
flagfile, a JSON file or a test fails with the same message.
"""

from __future__ import annotations

import dataclasses
import pathlib

from aquanet_tf import files
from aquanet_tf.config import fields
from aquanet_tf.config.fields import check, option, parse_weights


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of one run. Defaults are the paper's, for KITTI on one GPU."""

    # Data
    data_dir: str = option(
        "",
        "Directory of TFRecord shards with manifest.json, or several, comma separated. The first "
        "stands for the run where one image size and focal length must (prediction, export).",
    )
    data_weights: str = option(
        "",
        "Shares of the directories of --data_dir in every epoch, like 0.7,0.3; empty: in "
        "proportion to their triplets.",
    )
    val_data_dir: str = option(
        "", "Shards to validate on after every epoch, comma separated; empty: none."
    )
    batch_size: int = option(8, "Triplets in one step, over all replicas.", low=1)
    crop_height: int = option(192, "Height of the training crop, pixels.", low=16, high=8192)
    crop_width: int = option(640, "Width of the training crop, pixels.", low=16, high=8192)
    pose_input_height: int = option(
        192, "Height of PoseNet's whole frames, pixels.", low=16, high=8192
    )
    pose_input_width: int = option(
        640, "Width of PoseNet's whole frames, pixels.", low=16, high=8192
    )
    # Stage
    stage: str = option(
        "1",
        "1: kick-start, then depth and ego-motion from all pixels; 2: the same from scratch with "
        "moving objects masked; both: one after the other, in WORKDIR/stage1 and WORKDIR/stage2.",
        choices=("1", "2", "both"),
    )
    stage1_workdir: str = option(
        "",
        "Stage 2: workdir of the stage-1 run whose frozen network makes the SPIMO masks. Read when "
        "the run starts; its network is then part of the run's own checkpoints.",
    )
    stage2_posenet: str = option(
        "scratch",
        "Stage 2: PoseNet starts anew with a kick-start (scratch, the paper's schedule), or with "
        "stage 1's weights (stage1; --kickstart_epochs may then be 0).",
        choices=("scratch", "stage1"),
    )
    # Augmentation (paper section 3.3)
    resize_min: float = option(0.5, "Smallest random resize factor.", low=0.1, high=4.0)
    resize_max: float = option(1.5, "Largest random resize factor.", low=0.1, high=4.0)
    depth_scaling: str = option(
        "proportional",
        "How inverse depth follows the resize factor s: the warp uses t/s (proportional), "
        "t (invariant), t*s (inverse); none trains on whole frames without resize and crop.",
        choices=("proportional", "invariant", "inverse", "none"),
    )
    flip: bool = option(True, "Mirror half of the triplets left to right.")
    time_reversal: bool = option(True, "Swap previous and next frame in half of the triplets.")
    photometric: bool = option(True, "Random gamma, brightness and color, equal in a triplet.")
    # Networks (design section 3)
    width: float = option(
        1.0,
        "Channel multiplier of the depth network; with --encoder=mobile of its decoder.",
        low=0.03,
        high=4.0,
    )
    encoder: str = option(
        "residual",
        "residual: the paper's; mobile: MobileNetV3-Small, for phones and small boards.",
        choices=("residual", "mobile"),
    )
    encoder_weights: str = option(
        "none",
        "What --encoder=mobile starts from: none (random), mobilenet_v3_small_imagenet (fetched by "
        "keras-cv), or a directory with a preset of keras-cv. Read when the run starts.",
    )
    activation: str = option(
        "elu",
        "Of the depth network: elu is the paper's, which int8 leaves in float; relu and relu6 are "
        "part of the convolutions there.",
        choices=("elu", "relu", "relu6", "leaky_relu"),
    )
    levels: int = option(33, "Number of inverse-depth levels, N + 1.", low=2, high=257)
    inverse_depth_min: float = option(0.005, "d_min, relative units.", low=1e-6)
    inverse_depth_max: float = option(0.3, "d_max, relative units.", low=1e-6)
    adaptive: bool = option(True, "Learn beta per pixel; false fixes beta = 1 (vPLADE-Net).")
    beta_max: float = option(2.5, "beta lies in [1/beta_max, beta_max].", low=1.0, high=10.0)
    focal_planes: bool = option(
        False, "Feed fx/2000, fy/2000 beside the positional code; for training on mixed cameras."
    )
    head: str = option(
        "adaptive",
        "adaptive: levels with a learned quantization; direct: one inverse depth per pixel "
        "(DIRNet-BW), which only --warp=backward can train.",
        choices=("adaptive", "direct"),
    )
    pose_form: str = option(
        "antisymmetric",
        "antisymmetric: T(a,b) = exp((g(a,b) - g(b,a)) / 2), exactly invertible and the only "
        "form seen to learn on a small machine; plain: the paper's single regression.",
        choices=("antisymmetric", "plain"),
    )
    pose_network_width: float = option(1.0, "Channel multiplier of PoseNet.", low=0.03, high=4.0)
    # Warp (design section 4)
    warp: str = option(
        "forward",
        "forward: the target's levels are warped into the references; backward: references are "
        "looked up at the reduced inverse depth (DIRNet-BW).",
        choices=("forward", "backward"),
    )
    beta_lookup: str = option(
        "aligned",
        "Where a level map is read: at the reference pixel's index (aligned) or at the pixel "
        "the sample lands on (fixed_point).",
        choices=("aligned", "fixed_point"),
    )
    warp_impl: str = option(
        "auto",
        "native: C++ (python -m aquanet_tf.native.build); xla: TensorFlow loop, compiled; "
        "streaming: not compiled; tfa: dense, on tensorflow-addons, a check; auto: native where it "
        "is built and there is no GPU, else xla.",
        choices=("auto", "native", "xla", "streaming", "tfa"),
    )
    # Masks of stage 2 (paper section 3.4; SPIMO options also serve predict and evaluate)
    mask: str = option(
        "spimo",
        "Stage 2 masks moving objects by SPIMO masks of stage 1, by the auto-masks of Monodepth2, "
        "or not at all.",
        choices=("spimo", "automask", "none"),
    )
    mask_source: str = option(
        "cached",
        "SPIMO masks are made once for each whole frame and kept in the workdir (cached), or in "
        "every step on the crops (online, as the authors do).",
        choices=("cached", "online"),
    )
    spimo_passes: int = option(
        4, "Grid shifts: none, +u, -u and (4 passes) v; the authors' code takes 3.", low=3, high=4
    )
    spimo_shift_u: float = option(0.5, "Horizontal shift of the grid.", low=0.0, high=2.0)
    spimo_shift_v: float = option(-0.25, "Vertical shift of the grid.", low=-2.0, high=2.0)
    spimo_threshold: float = option(
        0.03, "gamma of Eq. 7: static where variance / mean^2 of depth is below.", low=0.0
    )
    spimo_resolution: float = option(
        1.0,
        "Size of the passes relative to the crop; the authors' code takes 2/3.",
        low=0.1,
        high=2.0,
    )
    spimo_renormalize: bool = option(
        False,
        "Bring the vertically shifted pass to the mean and deviation of the others, as the "
        "authors' code does.",
    )
    spimo_ignore_top: float = option(
        -1.0,
        "Above this row (v of the whole image, -1 its first row) all counts as static; "
        "the authors' code takes -0.25.",
        low=-1.0,
        high=1.0,
    )
    spimo_source: str = option(
        "plain",
        "Estimates the masks are made from: plain (Eq. 6), or boosted (Eq. 8; 'full' in Table 1).",
        choices=("plain", "boosted"),
    )
    # Losses (paper section 3.6)
    boosting_weight: float = option(
        0.1, "alpha_b of Eq. 10: boosting loss on moving pixels of stage 2; 0: off.", low=0.0
    )
    perceptual_weight: float = option(0.01, "alpha_p of Eq. 11.", low=0.0)
    smoothness_weight: float = option(0.1, "alpha_ds of Eq. 10.", low=0.0)
    smoothness_edge: float = option(1.0, "Edge sharpness: weight exp(-edge * |dI|).", low=0.0)
    pyramid_scales: int = option(
        1, "L1 is averaged over this many mean-pooled scales; 1 is the paper's loss.", low=1, high=6
    )
    kickstart_pyramid_scales: int = option(
        4, "The same for the kick-start, where a wide basin finds the ego-motion.", low=1, high=6
    )
    kickstart_ramp: float = option(
        1.0,
        "Inverse depth of the kick-start ramp's last row as a share of d_max. It sets the scale of "
        "ego-motion and so of depth; below 1 leaves room for things nearer than that row's road.",
        low=0.05,
        high=1.0,
    )
    vgg19_weights: str = option(
        "imagenet",
        "Perceptual features: imagenet (keras.applications), a local .h5 file, random, none.",
    )
    # Schedule
    kickstart_epochs: int = option(5, "First epochs, which train PoseNet alone.", low=0)
    pose_frozen_epochs: int = option(
        0,
        "First epochs of stage 1, which train the depth network alone: an untrained one would drag "
        "the ego-motion of the kick-start down.",
        low=0,
    )
    epochs: int = option(110, "All epochs, kick-start included.", low=1)
    steps_per_epoch: int = option(0, "Steps in one epoch; 0: as many as the data set has.", low=0)
    kickstart_learning_rate: float = option(
        1e-4, "Adam's rate in the kick-start.", low=1e-8, high=1.0
    )
    learning_rate: float = option(1e-4, "Adam's rate in stage 1.", low=1e-8, high=1.0)
    milestones: str = option("60,80,100", "Epochs at which the rate is halved, comma separated.")
    mixed_precision: str = option(
        "off", "Backbones in half precision, for GPUs.", choices=("off", "float16", "bfloat16")
    )
    steps_per_execution: int = option(1, "Steps between two returns to Python.", low=1)
    clip_norm: float = option(0.0, "Clip gradients to this global norm; 0: off.", low=0.0)
    seed: int = option(1, "Seed of weights, order and augmentation.", low=0, high=2**32 - 1)
    deterministic: bool = option(
        False,
        "Bit-equal results of equal runs, interrupted or not, on the same machine: TensorFlow's "
        "deterministic operations, slower on a GPU.",
    )
    strategy: str = option(
        "auto",
        "auto: this machine (see --replicas); multi_worker: all machines of the environment "
        "variable TF_CONFIG, each running this command.",
        choices=("auto", "multi_worker"),
    )
    replicas: int = option(
        0, "0: all GPUs, or one CPU; n: split the CPU into n logical devices.", low=0, high=16
    )
    # Watching and keeping
    panels_every: int = option(5, "Epochs between picture panels in TensorBoard; 0: none.", low=0)
    checkpoint_steps: int = option(
        500, "Steps between two saves inside an epoch; 0: only after every epoch.", low=0
    )
    keep_checkpoints: int = option(3, "Newest checkpoints kept in the workdir.", low=1)
    collapse: str = option(
        "warn",
        "What to do when depth turns constant or ego-motion vanishes.",
        choices=("warn", "stop", "off"),
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check(field, getattr(self, field.name))
        if self.inverse_depth_min >= self.inverse_depth_max:
            raise ValueError("--inverse_depth_min must be below --inverse_depth_max")
        if self.resize_min > self.resize_max:
            raise ValueError("--resize_min must not exceed --resize_max")
        if self.kickstart_epochs + self.pose_frozen_epochs > self.epochs:
            raise ValueError("--epochs must be at least --kickstart_epochs + --pose_frozen_epochs")
        if self.head == "direct" and self.warp == "forward":
            raise ValueError("--head=direct has no levels to warp forward: add --warp=backward")
        if self.stage == "1" and self.stage1_workdir:
            raise ValueError("--stage1_workdir is for --stage=2")
        if self.stage == "both" and self.stage1_workdir:
            raise ValueError("--stage=both trains its own stage 1: leave out --stage1_workdir")
        if self.encoder_weights != "none" and self.encoder != "mobile":
            raise ValueError("--encoder_weights is for --encoder=mobile")
        if self.strategy == "multi_worker" and self.replicas:
            raise ValueError("--replicas is for --strategy=auto: leave it out")
        fields.parse_milestones(self.milestones)
        parse_weights(self.data_weights)

    @property
    def needs_stage1(self) -> bool:
        """Stage 2 that takes something from a stage-1 run: its masks or its PoseNet."""
        return self.stage == "2" and (self.mask == "spimo" or self.stage2_posenet == "stage1")

    def save(self, path: str | pathlib.Path) -> None:
        """Writes the config as JSON, one field a line, whole or not at all."""
        files.write(path, dataclasses.asdict(self))

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Config:
        """Reads what `save` wrote. Unknown or missing fields are named in a ValueError."""
        path = pathlib.Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: no such file; is its directory the --workdir of a run?")
        values = files.read(path)
        names = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - names):
            raise ValueError(f"{path}: unknown options {unknown}; written by another version?")
        return cls(**values)
