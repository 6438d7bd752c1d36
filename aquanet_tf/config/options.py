"""Every option of a run in one flat, frozen table.

Each field of `Config` is a flag of the same name (`command_line.define_flags`), which a flagfile
may set. `Config.save` writes all of them to the workdir as `config.json`, from which every later
command rebuilds the networks. A `Config` checks its values when it is made, so a bad value gives
the same message in a flagfile, a JSON file and a test.
"""

from __future__ import annotations

import dataclasses

from aquanet_tf.config import rules
from aquanet_tf.config.fields import check, option
from aquanet_tf.config.lifecycle import Lifecycle
from aquanet_tf.config.stored import Stored


@dataclasses.dataclass(frozen=True)
class Config(Lifecycle, Stored):
    """Options of one run. Defaults are the paper's, for KITTI on one GPU."""

    # Data
    data_dir: str = option(
        "",
        "Directory of TFRecord shards with manifest.json, or several, comma separated. Prediction "
        "and export take image size and focal length from the first.",
        resumable=True,
        paths=True,
    )
    data_weights: str = option(
        "",
        "Shares of the directories of --data_dir in every epoch, like 0.7,0.3; empty: in "
        "proportion to their numbers of triplets.",
    )
    val_data_dir: str = option(
        "",
        "Shards to validate on after every epoch, in the form of --data_dir; empty: none.",
        resumable=True,
        paths=True,
    )
    batch_size: int = option(8, "Triplets in one step, all replicas together.", low=1)
    crop_height: int = option(192, "Height of the training crop, pixels.", low=16, high=8192)
    crop_width: int = option(640, "Width of the training crop, pixels.", low=16, high=8192)
    pose_input_height: int = option(
        192, "Height of the whole frames that PoseNet sees, pixels.", low=16, high=8192
    )
    pose_input_width: int = option(
        640, "Width of the whole frames that PoseNet sees, pixels.", low=16, high=8192
    )
    # Stage
    stage: str = option(
        "1",
        "1: kick-start, then depth and ego-motion from all pixels; 2: from scratch again, with "
        "moving objects masked; both: stage 1 in WORKDIR/stage1, then stage 2 in WORKDIR/stage2.",
        choices=("1", "2", "both"),
    )
    stage1_workdir: str = option(
        "",
        "Stage 2: workdir of the stage-1 run whose frozen network makes the SPIMO masks. Read when "
        "the run starts; after that the run's own checkpoints hold the network.",
        resumable=True,
        paths=True,
    )
    stage2_posenet: str = option(
        "scratch",
        "Stage 2: PoseNet starts with random weights (scratch, the paper's schedule) or with the "
        "weights of stage 1 (stage1; --kickstart_epochs may then be 0).",
        choices=("scratch", "stage1"),
    )
    # Augmentation (paper section 3.3)
    resize_min: float = option(0.5, "Smallest random resize factor.", low=0.1, high=4.0)
    resize_max: float = option(1.5, "Largest random resize factor.", low=0.1, high=4.0)
    depth_scaling: str = option(
        "proportional",
        "How inverse depth (the paper's disparity) follows the resize factor s: the warp uses the "
        "translation t/s (proportional, the paper's), t (invariant) or t*s (inverse); none: whole "
        "frames, without random resize and crop.",
        choices=("proportional", "invariant", "inverse", "none"),
    )
    flip: bool = option(True, "Mirror half of the triplets, left to right.")
    time_reversal: bool = option(True, "Swap previous and next frame in half of the triplets.")
    photometric: bool = option(True, "Random gamma, brightness and color, same within a triplet.")
    # Networks (paper sections 3.1 and 3.2)
    width: float = option(
        1.0, "Channel multiplier of the depth network (mobile: its decoder).", low=0.03, high=4.0
    )
    encoder: str = option(
        "residual",
        "Encoder of the depth network: residual is the paper's; mobile is MobileNetV3-Small, for "
        "phones and small boards.",
        choices=("residual", "mobile"),
    )
    encoder_weights: str = option(
        "none",
        "Initial weights of --encoder=mobile: none (random), mobilenet_v3_small_imagenet (keras-cv "
        "downloads them), or a directory with a preset of keras-cv. Read when the run starts.",
        resumable=True,
        paths=True,
    )
    activation: str = option(
        "elu",
        "Activation of the depth network. elu is the paper's; int8 models compute it in float, "
        "but fuse relu and relu6 with the convolutions.",
        choices=("elu", "relu", "relu6", "leaky_relu"),
    )
    levels: int = option(33, "Number of inverse-depth levels, N + 1.", low=2, high=257)
    inverse_depth_min: float = option(
        0.005, "d_min, the smallest inverse depth, relative units.", low=1e-6
    )
    inverse_depth_max: float = option(
        0.3, "d_max, the largest inverse depth, relative units.", low=1e-6
    )
    adaptive: bool = option(True, "Predict beta for every pixel; false: beta = 1 (vPLADE-Net).")
    beta_max: float = option(2.5, "beta lies in [1/beta_max, beta_max].", low=1.0, high=10.0)
    focal_planes: bool = option(
        False, "Feed fx/2000, fy/2000 with the positional encoding, to train on mixed cameras."
    )
    head: str = option(
        "adaptive",
        "adaptive: a probability for each level of a learned quantization; direct: one inverse "
        "depth per pixel (DIRNet-BW), which needs --warp=backward.",
        choices=("adaptive", "direct"),
    )
    pose_form: str = option(
        "antisymmetric",
        "antisymmetric: T(a,b) = exp((g(a,b) - g(b,a)) / 2), exactly invertible and the only form "
        "that learned in short trainings; plain: the paper's single regression.",
        choices=("antisymmetric", "plain"),
    )
    pose_network_width: float = option(1.0, "Channel multiplier of PoseNet.", low=0.03, high=4.0)
    # Warp (paper section 3.1)
    warp: str = option(
        "forward",
        "forward: the target's levels are warped into the references; backward: the references are "
        "sampled at the expected inverse depth (DIRNet-BW).",
        choices=("forward", "backward"),
    )
    warp_impl: str = option(
        "auto",
        "Code of the forward warp. native: C++ (python -m aquanet_tf.native.build); xla: a loop in "
        "TensorFlow, compiled; streaming: the same loop, not compiled; tfa: dense, with "
        "tensorflow-addons, as a check; auto: native if it is built and there is no GPU, else xla.",
        choices=("auto", "native", "xla", "streaming", "tfa"),
        resumable=True,
    )
    # Masks of stage 2 (paper section 3.4); predict and evaluate use the spimo_ options too
    mask: str = option(
        "spimo",
        "Moving objects in stage 2: masked by SPIMO masks of stage 1 (spimo), by the auto-masks of "
        "Monodepth2 (automask), or not at all (none).",
        choices=("spimo", "automask", "none"),
    )
    mask_source: str = option(
        "cached",
        "SPIMO masks are computed once for each whole frame and kept in the workdir (cached), or "
        "for the crops of every step (online, as the authors do).",
        choices=("cached", "online"),
    )
    spimo_passes: int = option(
        4,
        "Number of passes with shifted grids (Eq. 6). 3: unshifted, +u, -u. 4: also shifted by v. "
        "The authors' code uses 3.",
        low=3,
        high=4,
        affects="masks",
    )
    spimo_shift_u: float = option(
        0.5, "Horizontal shift of the grid; 2: image width.", low=0.0, high=2.0, affects="masks"
    )
    spimo_shift_v: float = option(
        -0.25, "Vertical shift of the grid; 2: image height.", low=-2.0, high=2.0, affects="masks"
    )
    spimo_threshold: float = option(
        0.03, "gamma of Eq. 7: static where variance / mean^2 is below.", low=0.0, affects="masks"
    )
    spimo_resolution: float = option(
        1.0,
        "Size of the passes relative to the network's input; the authors' code has 2/3.",
        low=0.1,
        high=2.0,
        affects="masks",
    )
    spimo_renormalize: bool = option(
        False,
        "Shift and scale the vertically shifted pass to the mean and standard deviation of the "
        "others, as the authors' code does.",
        affects="masks",
    )
    spimo_ignore_top: float = option(
        -1.0,
        "All pixels above this row count as static (v in the whole image, -1 for its first row); "
        "the authors' code has -0.25.",
        low=-1.0,
        high=1.0,
        affects="masks",
    )
    spimo_margin: int = option(
        0,
        "Dilate the masks by this many pixels of the network's input.",
        low=0,
        high=64,
        affects="masks",
    )
    spimo_source: str = option(
        "plain",
        "Estimates that the masks are computed from: plain (Eq. 6), or boosted (Eq. 8; 'full' in "
        "Table 1).",
        choices=("plain", "boosted"),
        affects="masks",
    )
    # Losses (paper section 3.6)
    synthesis: str = option(
        "l1",
        "Photometric part of the synthesis loss after the kick-start: l1 is the paper's; l1_ssim "
        "adds structural similarity, which forgives changes of exposure.",
        choices=("l1", "l1_ssim"),
    )
    ssim_weight: float = option(
        0.85,
        "--synthesis=l1_ssim: share of (1 - SSIM) / 2; the rest is L1. Monodepth2 has 0.85.",
        low=0.0,
        high=1.0,
    )
    boosting_weight: float = option(
        0.1, "alpha_b of Eq. 10: weight of the boosting loss of stage 2; 0: off.", low=0.0
    )
    speed_weight: float = option(
        0.0,
        "Weight of the speed loss, which pulls the length of ego-motion to the meters traveled, so "
        "that depth comes out in meters; 0: off. Needs records with distances.",
        low=0.0,
    )
    anchor_weight: float = option(
        0.0,
        "Weight of the anchor loss, which keeps depth near that of --init_from; 0: off.",
        low=0.0,
    )
    learn_intrinsics: bool = option(
        False,
        "Learn focal lengths and principal point for each directory of --data_dir, starting from "
        "the K of its records; write them to WORKDIR/intrinsics.json.",
    )
    perceptual_weight: float = option(
        0.01, "alpha_p of Eq. 11: weight of the perceptual loss.", low=0.0
    )
    smoothness_weight: float = option(
        0.1, "alpha_ds of Eq. 10: weight of the smoothness loss.", low=0.0
    )
    smoothness_edge: float = option(
        1.0, "Smoothness is weighted by exp(-edge * |dI|) where the image changes by dI.", low=0.0
    )
    pyramid_scales: int = option(
        1,
        "Scales of the photometric loss: the image, then mean-pooled by 2, 4, ...; 1: the paper's.",
        low=1,
        high=6,
    )
    kickstart_ramp: float = option(
        1.0,
        "Largest inverse depth of the kick-start's ramp, as a share of d_max. Below 1 leaves "
        "levels for objects nearer than the road in the last row.",
        low=0.05,
        high=1.0,
    )
    vgg19_weights: str = option(
        "imagenet",
        "Weights of VGG19 for the perceptual loss: imagenet (keras.applications downloads them), a "
        "local .h5 file, random, or none.",
        resumable=True,
        paths=True,
    )
    # Schedule
    kickstart_epochs: int = option(5, "Epochs at the start that train only PoseNet.", low=0)
    pose_frozen_epochs: int = option(
        0,
        "Epochs after the kick-start that train the depth network alone, because an untrained one "
        "would spoil the ego-motion that the kick-start found.",
        low=0,
    )
    epochs: int = option(110, "Number of epochs, kick-start included.", low=1, resumable=True)
    steps_per_epoch: int = option(
        0, "Steps in one epoch; 0: as many full batches as the data sets have.", low=0
    )
    kickstart_learning_rate: float = option(
        1e-4, "Adam's learning rate in the kick-start.", low=1e-8, high=1.0, resumable=True
    )
    learning_rate: float = option(
        1e-4, "Adam's learning rate after the kick-start.", low=1e-8, high=1.0, resumable=True
    )
    warmup_epochs: int = option(
        0,
        "Epochs after the kick-start at a tenth of the rate: at 1e-3 an untrained depth network "
        "may collapse to a constant in its first steps.",
        low=0,
        resumable=True,
    )
    rate_schedule: str = option(
        "milestones",
        "milestones: the rate is halved at --milestones; cosine: after the kick-start it falls "
        "from --learning_rate to 1 % of it in the last epoch.",
        choices=("milestones", "cosine"),
        resumable=True,
    )
    milestones: str = option(
        "60,80,100", "Epochs at which the rate is halved, comma separated.", resumable=True
    )
    ema: float = option(
        0.0,
        "Decay of averaged weights, like 0.999; 0: none. With it the run's networks are the "
        "averages: in validation, prediction, evaluation, export, and as teachers of stage 2.",
        low=0.0,
        high=0.99999,
    )
    mixed_precision: str = option(
        "off", "Networks in half precision, for GPUs.", choices=("off", "float16", "bfloat16")
    )
    steps_per_execution: int = option(
        1, "Steps that run in one call of the compiled function, for GPUs.", low=1
    )
    clip_norm: float = option(
        0.0, "Clip gradients to this global norm; 0: off.", low=0.0, resumable=True
    )
    seed: int = option(1, "Seed of weights, data order and augmentation.", low=0, high=2**32 - 1)
    deterministic: bool = option(
        False,
        "The same run gives the same bits on the same machine, interrupted or not. Uses "
        "TensorFlow's deterministic operations, which are slower on a GPU.",
        resumable=True,
    )
    strategy: str = option(
        "auto",
        "auto: this machine alone (see --replicas); multi_worker: all machines named by the "
        "environment variable TF_CONFIG, each running this command.",
        choices=("auto", "multi_worker"),
        resumable=True,
    )
    replicas: int = option(
        0, "0: all GPUs, else the CPU; n: n devices of the CPU.", low=0, high=16, resumable=True
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check(field, getattr(self, field.name))
        rules.check(self)

    @property
    def needs_stage1(self) -> bool:
        """Whether the run is stage 2 and takes masks or PoseNet from a stage-1 run."""
        return self.stage == "2" and (self.mask == "spimo" or self.stage2_posenet == "stage1")
