"""Inverse depth of images: the depth network and the expectation over its levels."""

from __future__ import annotations

from benchmarks.cases.step import batch, build_stage, torch_batch
from benchmarks.cases.warp import LIMITS
from benchmarks.measure import Setting


def tensorflow_case(setting: Setting, images: int = 1):
    """Ours: the estimate used by prediction and every export, in a tf.function.

    images: how many in one call.
    """
    import tensorflow as tf

    from aquanet_tf.networks import estimate as networks_estimate

    stage = build_stage(setting)
    estimate = tf.function(networks_estimate.of_network(stage.aquanet, stage.config))
    data = batch(setting._replace(batch=images))
    inputs = [tf.constant(data[name]) for name in ("target", "grid", "intrinsics")]
    return lambda: estimate(*inputs).numpy()


def torch_case(setting: Setting, images: int = 1):
    """The twin, with random weights of its own."""
    import torch

    from benchmarks.pytorch import twin

    torch.manual_seed(setting.seed)
    network = twin.AQUANet(setting.network_width, setting.levels).eval()
    data = torch_batch(setting._replace(batch=images))

    @torch.inference_mode()
    def run():
        logits, beta = network(data["target"], data["grid"])
        return twin.expected_inverse_depth(logits, beta, LIMITS).numpy()

    return run
