"""One training step of stage 1: both networks, two views, L1 pyramid and smoothness, Adam.

In TensorFlow as `fit` runs it, and in PyTorch. Batch 1. The perceptual term is left out, because
its weights must be downloaded.
"""

from __future__ import annotations

import numpy as np

from benchmarks.cases.warp import LIMITS, channels_first, intrinsics
from benchmarks.measure import Setting

LEARNING_RATE = 1e-4
PYRAMID_SCALES = 3
SMOOTHNESS_WEIGHT = 0.1


def batch(setting: Setting) -> dict[str, np.ndarray]:
    """Random triplets in the form of the input pipeline; frames for PoseNet of the same size."""
    height, width = setting.height, setting.width
    rng = np.random.default_rng(setting.seed)
    frames = rng.random((setting.batch, 3, height, width, 3))
    v, u = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    grid = np.stack([u, v], axis=-1)
    arrays = {
        "target": frames[:, 0],
        "references": frames[:, 1:],
        "target_low": frames[:, 0],
        "references_low": frames[:, 1:],
        "intrinsics": np.stack([intrinsics(height, width)] * setting.batch),
        "grid": np.stack([grid] * setting.batch),
        "resize": np.ones(setting.batch),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def build_stage(setting: Setting):
    """Stage 1 of the project, not compiled."""
    import tensorflow as tf

    from aquanet_tf.config.options import Config
    from aquanet_tf.networks import build
    from aquanet_tf.training.stages import stage_one

    tf.keras.utils.set_random_seed(setting.seed)
    options = Config(
        width=setting.network_width,
        pose_network_width=setting.network_width,
        levels=setting.levels,
        inverse_depth_min=LIMITS[0],
        inverse_depth_max=LIMITS[1],
        perceptual_weight=0.0,
        vgg19_weights="none",
        pyramid_scales=PYRAMID_SCALES,
        smoothness_weight=SMOOTHNESS_WEIGHT,
    )
    return stage_one.StageOne(options, *build.build_networks(options))


def tensorflow_case(setting: Setting):
    """Ours: `Stage.train_step` in a tf.function."""
    import tensorflow as tf

    from aquanet_tf.training.stages import precision

    stage = build_stage(setting)
    optimizer = precision.build_optimizer(stage.trained, LEARNING_RATE)
    stage.compile(optimizer=optimizer, jit_compile=False)
    data = {name: tf.constant(array) for name, array in batch(setting).items()}
    step = tf.function(stage.train_step)
    return lambda: float(step(data)["loss"])


def torch_batch(setting: Setting) -> dict:
    """`batch` as tensors, channels first."""
    import torch

    data = {name: torch.from_numpy(array) for name, array in batch(setting).items()}
    return {name: channels_first(v) if v.ndim > 3 else v for name, v in data.items()}


def torch_case(setting: Setting):
    """The twin, with weights of its own."""
    import torch

    from benchmarks.pytorch import twin

    torch.manual_seed(setting.seed)
    networks = (
        twin.AQUANet(setting.network_width, setting.levels),
        twin.PoseNet(setting.network_width),
    )
    weights = [weight for network in networks for weight in network.parameters()]
    optimizer = torch.optim.Adam(weights, LEARNING_RATE, eps=1e-7)
    data = torch_batch(setting)
    return lambda: twin.train_step(
        *networks, optimizer, data, LIMITS, PYRAMID_SCALES, SMOOTHNESS_WEIGHT
    )
