"""Neural positional encoding: what the network knows of where a crop lies in the whole image."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.blocks import Conv

# Focal lengths in pixels are divided by this before they are fed to the network.
FOCAL_UNIT = 2000.0


class NeuralPositionalEncoding(tf.keras.layers.Layer):
    """Positional grid (u, v) -> 8 feature maps: 1x1 conv 16 ELU, 1x1 conv 8 ELU (PLADE-Net).

    Call arguments:
        grid: [B,H,W,2], normalised to the whole image (see camera.positional_grid).
        intrinsics: optional [B,3,3], pixels of the current image; if given, two constant planes
            fx/2000 and fy/2000 are appended, as in the authors' code for mixed cameras.
    Returns [B,H,W,8] or [B,H,W,10].
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = Conv(16, size=1, name="hidden")
        self.code = Conv(8, size=1, name="code")

    def call(self, grid, intrinsics=None):
        code = self.code(self.hidden(grid))
        if intrinsics is None:
            return code
        focal = tf.stack([intrinsics[:, 0, 0], intrinsics[:, 1, 1]], axis=-1) / FOCAL_UNIT
        focal = tf.cast(focal, code.dtype)[:, None, None, :]
        planes = tf.ones_like(code[..., :2]) * focal
        return tf.concat([code, planes], axis=-1)
