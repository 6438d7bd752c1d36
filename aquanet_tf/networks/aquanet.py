"""AQUANet: an image and its positional grid to logits of inverse-depth levels and beta (Eq. 4).

The backbone is PLADE-Net's auto-encoder: full-resolution convolution, six strided convolutions each
followed by a residual block, a decoder with skip connections, no batch normalization; 14.5 M
parameters at width 1 with 33 levels. For small devices the encoder may be a MobileNetV3
(`mobile_encoder`). Sizes need not be multiples of 64: strided convolutions round up and the decoder
cuts to the skip's size.
"""

from __future__ import annotations

import math

import tensorflow as tf

from aquanet_tf.geometry import camera
from aquanet_tf.layers.convolution import Conv, ResidualBlock, channels, joint, upsample_like
from aquanet_tf.layers.positional_encoding import NeuralPositionalEncoding
from aquanet_tf.networks.mobile_encoder import MobileEncoder

RGB_MEAN = (0.411, 0.432, 0.45)
_ENCODER = (64, 128, 256, 256, 256, 256, 256)
_DECODER_UP = (128, 128, 128, 128, 128, 64)
_DECODER_MIX = (256, 256, 256, 256, 128)


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class AQUANet(tf.keras.Model):
    """Depth network.

    Args:
        width: channel multiplier; with a mobile encoder, of the decoder alone.
        levels: number of inverse-depth levels, N + 1; 1 with `--head=direct`.
        beta_max: beta = beta_max^tanh(x) lies in [1/beta_max, beta_max]; x = 0 gives 1, the
            exponential levels. The bound is our choice, the paper gives none.
        adaptive: False fixes beta to 1 (the paper's vPLADE-Net).
        focal_planes: feed the focal lengths beside the positional code.
        activation: of encoder and decoder, a key of convolution.ACTIVATIONS; a mobile encoder and
            the positional code keep their own.
        encoder: `residual`, or `mobile` for MobileNetV3-Small.
        dtype: policy of the backbone; positional code, mobile encoder and heads stay in float32.

    Call arguments:
        image: [B,H,W,3] RGB in [0,1].
        grid: [B,H,W,2] positional grid of the crop (see `camera.positional_grid`).
        intrinsics: [B,3,3], pixels of the image; needed with focal_planes, else ignored.

    Returns (logits [B,H,W,levels], beta [B,H,W,1]), float32. `layers.AdaptiveQuantization` makes
    inverse depth (the paper's disparity) of them.

    Example:

    >>> import tensorflow as tf
    >>> from aquanet_tf.geometry import camera
    >>> from aquanet_tf.layers import AdaptiveQuantization
    >>> network = AQUANet(width=0.0625, levels=9)
    >>> image = tf.random.uniform([1, 32, 48, 3])
    >>> logits, beta = network(image, camera.positional_grid(32, 48)[None])
    >>> tuple(AdaptiveQuantization()(logits, beta).shape)
    (1, 32, 48, 1)
    """

    def __init__(
        self,
        width=1.0,
        levels=33,
        beta_max=2.5,
        adaptive=True,
        focal_planes=False,
        activation="elu",
        encoder="residual",
        name="aquanet",
        **kwargs,
    ):
        # Inputs are not cast: half precision could not tell the columns of the grid apart.
        super().__init__(name=name, autocast=False, **kwargs)
        self.width = width
        self.levels = levels
        self.beta_max = beta_max
        self.adaptive = adaptive
        self.focal_planes = focal_planes
        self.activation = activation
        self.encoder = encoder
        self.positional = NeuralPositionalEncoding(name="positional", dtype="float32")
        if encoder == "mobile":
            self.mobile = MobileEncoder(name="mobile", dtype="float32")
        else:
            self.down, self.residual = _residual_encoder(width, activation, self.dtype_policy)
        # A mobile encoder has fewer scales: the decoder starts at its smallest.
        halvings = MobileEncoder.HALVINGS if encoder == "mobile" else len(_DECODER_UP)
        self.up, self.mix = _decoder(width, halvings, activation, self.dtype_policy)
        exact = {"activation": "none", "use_bias": False, "dtype": "float32"}
        self.head = Conv(levels, name="head", **exact)
        # Small weights: beta starts at 1 everywhere. He-normal weights would start it at its
        # bounds, where tanh has no gradient left and beta could not leave them.
        self.beta_head = Conv(1, stddev=1e-3, name="beta_head", **exact) if adaptive else None

    def call(self, image, grid, intrinsics=None):
        return self.with_code(image, self.code(grid, intrinsics))

    def code(self, grid, intrinsics=None):
        """The positional code [B,H,W,8], or [B,H,W,10] with focal_planes, where intrinsics are
        needed (else ValueError). It does not depend on the image."""
        if self.focal_planes and intrinsics is None:
            raise ValueError("this network was built with focal_planes and needs intrinsics")
        return self.positional(grid, intrinsics if self.focal_planes else None)

    def with_code(self, image, code, rearranged=True):
        """(logits, beta) as a call returns them, for the positional code of its grid.

        rearranged: use the forms of convolution that save time and memory (see
        `layers.convolution`); False computes the same layer by layer, for int8 quantization, which
        gives each map one scale.
        """
        if self.encoder == "residual":
            skips = self._encode(image, code, rearranged)
        else:
            skips = [tf.cast(scale, self.compute_dtype) for scale in self.mobile(image, code)]
        features = skips.pop()
        for i, up in enumerate(self.up):
            skip = skips.pop()
            if rearranged:
                features = [up.upsampled(features, skip), skip]
            else:
                features = tf.concat([up(upsample_like(features, skip)), skip], axis=-1)
            if skips:
                features = self.mix[i](features)
        features = tf.nest.map_structure(lambda part: tf.cast(part, tf.float32), features)
        if self.beta_head is None:
            logits = self.head(features)
            return logits, tf.ones_like(logits[..., :1])
        heads = [self.head, self.beta_head]
        if rearranged:
            logits, exponent = joint(heads, features)
        else:
            logits, exponent = (head(features) for head in heads)
        return logits, tf.exp(math.log(self.beta_max) * tf.tanh(exponent))

    def _encode(self, image, code, rearranged):
        """Features of every scale, full size first, each half the size of the one before."""
        features = tf.cast(image - tf.constant(RGB_MEAN, image.dtype), self.compute_dtype)
        scales = []
        for i, (down, residual) in enumerate(zip(self.down, self.residual)):
            if i > 0:
                size = tf.shape(features)[1:3]
                resized = code if i == 1 else tf.image.resize(code, size)
                features = [features, tf.cast(resized, features.dtype)]
                features = features if rearranged else tf.concat(features, axis=-1)
            features = residual(down(features))
            scales.append(features)
        return scales

    def create_weights(self):
        """Creates the weights by a call on a small image."""
        grid = camera.positional_grid(64, 64)[None]
        self(tf.zeros([1, 64, 64, 3]), grid, tf.eye(3)[None])

    def get_config(self):
        return {
            "name": self.name,
            "width": self.width,
            "levels": self.levels,
            "beta_max": self.beta_max,
            "adaptive": self.adaptive,
            "focal_planes": self.focal_planes,
            "activation": self.activation,
            "encoder": self.encoder,
            "dtype": self.dtype_policy.name,
        }

    def get_build_config(self):
        return {"created": True} if self.built else None

    def build_from_config(self, config):
        self.create_weights()


def _residual_encoder(width, activation, policy):
    """(convolutions, residual blocks) of every scale: full size, then six of stride 2."""
    rest = {"activation": activation, "dtype": policy}
    counts = [channels(base, width) for base in _ENCODER]
    down = [
        Conv(count, stride=2 if i else 1, name=f"down{i}", **rest) for i, count in enumerate(counts)
    ]
    residual = [ResidualBlock(name=f"residual{i}", **rest) for i in range(len(counts))]
    return down, residual


def _decoder(width, halvings, activation, policy):
    """(convolutions of upsampled features, convolutions of these with the skip), smallest scale
    first; the full size has no second one, the heads follow there."""
    rest = {"activation": activation, "dtype": policy}
    up = [
        Conv(channels(base, width), use_bias=False, name=f"up{i}", **rest)
        for i, base in enumerate(_DECODER_UP[-halvings:])
    ]
    mix = [
        Conv(channels(base, width), name=f"mix{i}", **rest)
        for i, base in enumerate(_DECODER_MIX[-(halvings - 1) :])
    ]
    return up, mix
