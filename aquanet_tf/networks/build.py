"""TODO docstring of aquanet_tf.networks.build."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import camera
from aquanet_tf.networks.aquanet import AQUANet
from aquanet_tf.networks.posenet import PoseNet


def build_networks(config):
    """(AQUANet, PoseNet) of a config, with weights created."""
    return build_depth_network(config), build_pose_network(config)


def build_pose_network(config):
    """The ego-motion network of a config alone, with weights created."""
    posenet = PoseNet(width=config.pose_network_width, form=config.pose_form, dtype=policy(config))
    posenet(tf.zeros([1, 64, 64, 3]), tf.zeros([1, 1, 64, 64, 3]))
    return posenet


def build_depth_network(config):
    """The depth network of a config alone, with weights created. `head=direct` has one output
    and no quantization, so neither levels nor beta."""
    adaptive_head = config.head == "adaptive"
    aquanet = AQUANet(
        width=config.width,
        levels=config.levels if adaptive_head else 1,
        beta_max=config.beta_max,
        adaptive=config.adaptive and adaptive_head,
        focal_planes=config.focal_planes,
        activation=config.activation,
        encoder=config.encoder,
        dtype=policy(config),
    )
    grid = camera.positional_grid(64, 64)[None]
    aquanet(tf.zeros([1, 64, 64, 3]), grid, tf.eye(3)[None])
    return aquanet


def policy(config) -> str:
    """Keras dtype policy of the backbones for `--mixed_precision`."""
    return "float32" if config.mixed_precision == "off" else f"mixed_{config.mixed_precision}"
