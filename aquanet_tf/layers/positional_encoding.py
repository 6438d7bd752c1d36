"""Neural positional encoding: what the network knows of where a crop lies in the whole image."""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers.convolution import Conv

# Focal lengths in pixels are divided by this before they are fed to the network.
FOCAL_UNIT = 2000.0


class NeuralPositionalEncoding(tf.keras.layers.Layer):
    """Positional grid (u, v) -> 8 feature maps: 1x1 conv 16 ELU, 1x1 conv 8 ELU (PLADE-Net).

    Call arguments:
        grid: [B,H,W,2], normalized to the whole image (see camera.positional_grid).
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
        planes = tf.ones_like(code[..., :2]) * _focal(intrinsics, code.dtype)
        return tf.concat([code, planes], axis=-1)

    def of_axes(self, u, v, one, intrinsics=None):
        """The same for a whole image, from its columns and rows: the hidden layer is linear in the
        grid, so the grid itself is not needed.

        Args:
            u: [W] and v: [H], the grid's values along each axis.
            one: [1,1,1,1], holds 1. Where it is computed from the graph's input no converter can
                compute the code beforehand and store it, larger than all weights together.
            intrinsics: as in a call, [1,3,3].
        Returns [1,H,W,8] or [1,H,W,10].
        """
        kernel = tf.convert_to_tensor(self.hidden.kernel)[0, 0]
        columns = u[:, None] * kernel[0] + tf.convert_to_tensor(self.hidden.bias)
        rows = v[:, None] * kernel[1]
        code = self.code(tf.nn.elu(columns[None, None] * one + rows[None, :, None]))
        if intrinsics is None:
            return code
        # Not broadcast_to, for which TFLite stores ones of that shape.
        size = [1, v.shape[0], u.shape[0], 1]
        planes = tf.tile(_focal(intrinsics, code.dtype) * one, size)
        return tf.concat([code, planes], axis=-1)


def _focal(intrinsics, dtype):
    focal = tf.stack([intrinsics[:, 0, 0], intrinsics[:, 1, 1]], axis=-1) / FOCAL_UNIT
    return tf.cast(focal, dtype)[:, None, None, :]
