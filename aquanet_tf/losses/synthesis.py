"""Synthesis loss l_s (Eq. 11): a synthesized view against the image it should be.

Every function returns one number per sample, [B], float32; the caller takes the mean. A mask W in
[0, 1] weighs pixels. Losses are divided by its sum, so their size does not depend on how much is
masked, and a fully masked sample costs exactly 0.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.losses.photometric import photometric_error
from aquanet_tf.losses.vgg import VGG19Features

# A mask whose sum is below this counts as empty: dividing by it would amplify noise.
_EPSILON = 1e-5


def masked_l1(prediction, truth, mask, ssim_weight=0.0):
    """sum(W |prediction - truth|) / sum(W) over pixels and channels: [B,H,W,C], W [B,H,W,1].

    ssim_weight: share of (1 - SSIM) / 2 in the error of a pixel, see `losses.photometric`; masked
    pixels do not count in SSIM's windows either.
    """
    error = photometric_error(prediction, truth, ssim_weight, mask)
    total = tf.reduce_sum(mask * error, axis=[1, 2, 3])
    return total / (tf.reduce_sum(mask, axis=[1, 2, 3]) + _EPSILON)


def pyramid_l1(prediction, truth, mask, scales, ssim_weight=0.0):
    """Mean of `masked_l1` over `scales` mean-pooled scales; one scale is the paper's L1.

    Pooling averages unmasked pixels only, so masked pixels influence no scale. Coarse scales widen
    the basin of convergence, as the perceptual term does where VGG19 weights are available.

    Args:
        prediction, truth: [B,H,W,C]; mask: W [B,H,W,1]; scales: number of scales;
            ssim_weight: of `masked_l1`.
    """
    losses = []
    for scale in range(scales):
        if scale > 0:
            pooled = _pool(mask)
            share = pooled + _EPSILON
            prediction, truth = _pool(prediction * mask) / share, _pool(truth * mask) / share
            mask = pooled
        losses.append(masked_l1(prediction, truth, mask, ssim_weight))
    return tf.add_n(losses) / scales


def perceptual(features, view, truth, mask):
    """sum_l mean |phi^l(I') - phi^l(I^w)|^2 with I^w = (1 - W) I' + W I (Eq. 11).

    I^w is a label: no gradient flows through the I' inside it.

    Args:
        features: function, image [B,H,W,3] in [0,1] -> feature maps, see `VGG19Features`.
        view, truth: [B,H,W,3]; mask: [B,H,W,1].
    """
    label = tf.stop_gradient((1 - mask) * view + mask * truth)
    pairs = zip(features(view), features(label))
    return tf.add_n([tf.reduce_mean((a - b) ** 2, axis=[1, 2, 3]) for a, b in pairs])


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class SynthesisLoss(tf.keras.layers.Layer):
    """Synthesis loss l_s (Eq. 11) of one view as a layer: (view I', truth I, weight W) -> [B].

    l_s = masked L1 + alpha_p * perceptual term. Training takes the mean over both references, as
    the paper does.

    Args:
        pyramid_scales: scales of `pyramid_l1`; 1 is the paper's L1.
        perceptual_weight: alpha_p, 0.01 in the paper; 0 leaves the perceptual term out.
        vgg19_weights: of `VGG19Features`, whose ValueErrors it raises; `none` leaves the
            perceptual term out.
        ssim_weight: share of SSIM in the photometric part, of `masked_l1`; 0 is the paper's L1.

    >>> import tensorflow as tf
    >>> from aquanet_tf.losses import SynthesisLoss
    >>> black, white = tf.zeros([2, 8, 8, 3]), tf.ones([2, 8, 8, 3])
    >>> everywhere = tf.ones([2, 8, 8, 1])
    >>> SynthesisLoss()(black, white, everywhere).numpy().round(3)
    array([1., 1.], dtype=float32)
    """

    def __init__(
        self,
        pyramid_scales=1,
        perceptual_weight=0.0,
        vgg19_weights="none",
        ssim_weight=0.0,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.pyramid_scales = pyramid_scales
        self.perceptual_weight = perceptual_weight
        self.vgg19_weights = vgg19_weights
        self.ssim_weight = ssim_weight
        wanted = perceptual_weight > 0 and vgg19_weights != "none"
        self.features = VGG19Features(vgg19_weights) if wanted else None
        self.built = True  # Keras 3 refuses to distribute a model with unbuilt layers

    def call(self, view, truth, weight):
        photometric, perceptual_term = self.parts(view, truth, weight)
        return photometric + self.perceptual_weight * perceptual_term

    def parts(self, view, truth, weight):
        """(photometric part [B], perceptual term [B] without its weight): training logs them apart.

        Args:
            view, truth: [B,H,W,3] in [0,1]; weight: W [B,H,W,1].
        """
        photometric = pyramid_l1(view, truth, weight, self.pyramid_scales, self.ssim_weight)
        if self.features is None:
            # Not zeros_like, which a tape records: it reorders the sums of the gradient.
            return photometric, tf.zeros(tf.shape(photometric))
        return photometric, perceptual(self.features, view, truth, weight)

    def get_config(self):
        return {
            **super().get_config(),
            "pyramid_scales": self.pyramid_scales,
            "perceptual_weight": self.perceptual_weight,
            "vgg19_weights": self.vgg19_weights,
            "ssim_weight": self.ssim_weight,
        }


def _pool(value):
    return tf.nn.avg_pool2d(value, 2, 2, "VALID")
