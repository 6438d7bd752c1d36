"""Neural positional encoding: tells the network where a crop lies in the whole image (PLADE-Net).

SPIMO masks live on it: they ask the network for depth under shifted grids (`masks.spimo`).
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers.convolution import Conv

# Focal lengths in pixels are divided by this before they are fed to the network.
FOCAL_UNIT = 2000.0


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class NeuralPositionalEncoding(tf.keras.layers.Layer):
    """Positional grid (u, v) to 8 feature maps: 1x1 convolution 16 ELU, 1x1 convolution 8 ELU.

    Call arguments:
        grid: [B,H,W,2], normalized to the whole image (see `camera.positional_grid`).
        intrinsics: optional [B,3,3], pixels of the current image; if given, two constant planes
            fx/2000 and fy/2000 are appended, as in the authors' code for mixed cameras.

    Returns [B,H,W,8], or [B,H,W,10] with intrinsics.

    Example:

    >>> from aquanet_tf.geometry import camera
    >>> grid = camera.positional_grid(48, 64)[None]  # of a whole image
    >>> code = NeuralPositionalEncoding()(grid[:, 8:24, 16:48])  # of a crop
    >>> tuple(code.shape)
    (1, 16, 32, 8)
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
        """The code of a whole image from the axes of its grid, for export to TFLite.

        The hidden layer is linear in the grid, so columns and rows are enough.

        Args:
            u: [W] and v: [H], the grid's values along each axis.
            one: [1,1,1,1], holds 1. Computed from the graph's input, it keeps a converter from
                storing the code as a constant, which would be larger than all weights together.
            intrinsics: as in a call, [1,3,3].

        Returns [1,H,W,8] or [1,H,W,10].
        """
        kernel = tf.convert_to_tensor(self.hidden.kernel)[0, 0]
        columns = u[:, None] * kernel[0] + tf.convert_to_tensor(self.hidden.bias)
        rows = v[:, None] * kernel[1]
        code = self.code(tf.nn.elu(columns[None, None] * one + rows[None, :, None]))
        if intrinsics is None:
            return code
        # tile, not broadcast_to: for that, TFLite stores ones of the whole shape.
        size = [1, v.shape[0], u.shape[0], 1]
        planes = tf.tile(_focal(intrinsics, code.dtype) * one, size)
        return tf.concat([code, planes], axis=-1)


def _focal(intrinsics, dtype):
    focal = tf.stack([intrinsics[:, 0, 0], intrinsics[:, 1, 1]], axis=-1) / FOCAL_UNIT
    return tf.cast(focal, dtype)[:, None, None, :]
