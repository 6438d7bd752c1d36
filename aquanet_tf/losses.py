"""Losses: masked L1 over a pyramid, perceptual, edge-aware smoothness (Eq. 10 and 11).

Each function returns one number per sample, [B], float32; the caller takes the mean. A mask W in
[0,1] weighs pixels; losses are normalised by its sum, so that their size does not depend on how
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


def smoothness(inverse_depth, image, edge=1.0):
    """Edge-aware smoothness of the mean-normalised inverse depth, valid differences only.

    mean |d_x D*| exp(-edge |d_x I|) + the same for y, with D* = D / mean(D) and |d I| the mean over
    channels. Zero-padded differences would charge the border |D| itself and pull it to zero.

    Args:
        inverse_depth: [B,H,W,1]; image: [B,H,W,3]; edge: sharpness of the edge weight.
    """
    mean = tf.reduce_mean(inverse_depth, axis=[1, 2, 3], keepdims=True)
    d = inverse_depth / (mean + 1e-7)
    total = 0.0
    for axis in (1, 2):
        step, edges = _difference(d, axis), _difference(image, axis)
        weight = tf.exp(-edge * tf.reduce_mean(tf.abs(edges), axis=-1, keepdims=True))
        total += tf.reduce_mean(tf.abs(step) * weight, axis=[1, 2, 3])
    return total


def _difference(value, axis):
    if axis == 1:
        return value[:, 1:] - value[:, :-1]
    return value[:, :, 1:] - value[:, :, :-1]


def _pool(value):
    return tf.nn.avg_pool2d(value, 2, 2, "VALID")
