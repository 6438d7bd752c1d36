"""Losses: masked L1 over a pyramid, perceptual, edge-aware smoothness (Eq. 10 and 11).

Each function returns one number per sample, [B], float32; the caller takes the mean. A mask W in
[0,1] weighs pixels; losses are normalized by its sum, so that their size does not depend on how
much is masked, and a fully masked sample costs exactly 0.
"""

from __future__ import annotations

import tensorflow as tf

# Sums of mask below this count as nothing seen: dividing by them would amplify noise.
_EPSILON = 1e-5


def masked_l1(prediction, truth, mask):
    """sum(W |prediction - truth|) / sum(W) over pixels and channels: [B,H,W,C], W [B,H,W,1]."""
    error = tf.reduce_mean(tf.abs(prediction - truth), axis=-1, keepdims=True)
    total = tf.reduce_sum(mask * error, axis=[1, 2, 3])
    return total / (tf.reduce_sum(mask, axis=[1, 2, 3]) + _EPSILON)


def pyramid_l1(prediction, truth, mask, scales):
    """Mean of `masked_l1` over `scales` mean-pooled scales; one scale is the paper's L1.

    Pooling averages seen pixels only, so that nothing bleeds out of the mask. Coarse scales widen
    the basin of photometric learning, which the perceptual term does where VGG is to be had.
    """
    losses = []
    for scale in range(scales):
        if scale > 0:
            pooled = _pool(mask)
            share = pooled + _EPSILON
            prediction, truth = _pool(prediction * mask) / share, _pool(truth * mask) / share
            mask = pooled
        losses.append(masked_l1(prediction, truth, mask))
    return tf.add_n(losses) / scales


def perceptual(features, view, truth, mask):
    """sum_l mean |phi^l(I') - phi^l(I^w)|^2 with I^w = (1 - W) I' + W I (Eq. 11).

    I^w is a label: no gradient flows through the I' inside it.

    Args:
        features: function, image [B,H,W,3] in [0,1] -> list of feature maps (vgg.VGG19Features).
        view, truth: [B,H,W,3]; mask: [B,H,W,1].
    """
    label = tf.stop_gradient((1 - mask) * view + mask * truth)
    pairs = zip(features(view), features(label))
    return tf.add_n([tf.reduce_mean((a - b) ** 2, axis=[1, 2, 3]) for a, b in pairs])


def _pool(value):
    return tf.nn.avg_pool2d(value, 2, 2, "VALID")
