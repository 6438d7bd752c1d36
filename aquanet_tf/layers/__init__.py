"""Keras layers of the paper's sections 3.1 and 3.2, one equation in one file.

Eq. 1 and 2: `warp/dense.py` to read, `warp/forward.py` the layer. Eq. 3, 4 and 5: `quantization`.
Neural positional encoding: `positional_encoding`. Ours: `learned_intrinsics`.

Uses: geometry, native.
"""

from aquanet_tf.layers.convolution import Conv, DepthwiseConv, ResidualBlock
from aquanet_tf.layers.learned_intrinsics import LearnedIntrinsics
from aquanet_tf.layers.positional_encoding import NeuralPositionalEncoding
from aquanet_tf.layers.quantization import AdaptiveQuantization
from aquanet_tf.layers.warp.forward import AdaptiveForwardWarp

__all__ = [
    "AdaptiveForwardWarp",
    "AdaptiveQuantization",
    "Conv",
    "DepthwiseConv",
    "LearnedIntrinsics",
    "NeuralPositionalEncoding",
    "ResidualBlock",
]
