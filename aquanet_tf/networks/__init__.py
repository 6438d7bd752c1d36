"""AQUANet and PoseNet, and depth estimates made from them.

The networks: `aquanet`, `posenet`, made from a `Config` by `build`. Depth as a function:
`estimate`, `boosted` (Eq. 8 and 9), `post_processing`.

Uses: geometry, layers.
"""

from aquanet_tf.networks.aquanet import AQUANet
from aquanet_tf.networks.mobile_encoder import MobileEncoder
from aquanet_tf.networks.posenet import PoseNet

__all__ = ["AQUANet", "MobileEncoder", "PoseNet"]
