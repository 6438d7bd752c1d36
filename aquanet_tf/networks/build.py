"""AQUANet and PoseNet as a `Config` describes them, with weights created."""

from __future__ import annotations

from aquanet_tf.networks.aquanet import AQUANet
from aquanet_tf.networks.posenet import PoseNet


def build_networks(config):
    """(AQUANet, PoseNet) of a config, with weights created."""
    return build_depth_network(config), build_pose_network(config)


def build_pose_network(config):
    """The ego-motion network of a config alone, with weights created."""
    posenet = PoseNet(width=config.pose_network_width, form=config.pose_form, dtype=policy(config))
    posenet.create_weights()
    return posenet


def build_depth_network(config):
    """The depth network of a config alone, with weights created.

    With `--head=direct` it has one output (see `estimate.decode_direct`) and no beta.
    """
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
    aquanet.create_weights()
    return aquanet


def policy(config) -> str:
    """Keras dtype policy of the backbones for `--mixed_precision`."""
    return "float32" if config.mixed_precision == "off" else f"mixed_{config.mixed_precision}"
