"""The forward warp (Eq. 1 and 2) in constant memory: online softmax, recomputed gradient.

The forward loop keeps, for each reference pixel, the running maximum of the sampled logits, the
running sum of their exponentials and the running weighted color (the idea of FlashAttention). The
backward loop samples each level again and needs only the final log-sum-exp. With weights
p_n = exp(l_n - lse), cotangent g of the view and sampled color c_n:

    d loss / d l_n = p_n g.(c_n - view),    d loss / d c_n = p_n g

Pixels are flattened, [B, P], and the logits put level-first, so that a level is one contiguous
slice.
"""

from __future__ import annotations

import functools

import tensorflow as tf

from aquanet_tf.geometry import bilinear
from aquanet_tf.layers import quantization
from aquanet_tf.layers.warp.levels import MASKED, ForwardWarp, Target
from aquanet_tf.layers.warp.planes import Coordinates


def warp(target, planes, levels, image_gradient, xla):
    """`ForwardWarp` of a `Target`; arguments as `forward.forward_warp`.

    xla: compile both loops. The gradient comes from the view alone and reaches logits, beta, the
    planes and, with image_gradient, the image.
    """
    size = tuple(target.logits.shape[1:3])
    forward_pass = functools.partial(_compiled(_forward, xla), size=size, levels=levels)
    backward_pass = functools.partial(
        _compiled(_backward, xla), size=size, levels=levels, image_gradient=image_gradient
    )
    a, b, forward, s3 = planes.coordinates(*size)
    masks, s3 = tf.stop_gradient(target.masks), tf.stop_gradient(s3)

    @tf.custom_gradient
    def composite(image, logits, beta, a, b):
        # Without this an outer tape would look inside and keep every level's intermediates.
        image, logits, beta, a, b = map(tf.stop_gradient, (image, logits, beta, a, b))
        coordinates = Coordinates(_flat(a), _flat(b), _flat(forward), s3[:, None])

        def flat():
            # Called anew for the gradient, so that no level-first copy of the logits is kept.
            return Target(_flat(image), _level_first(logits), _flat(beta)[..., 0], _flat(masks))

        view, occlusion, projected, lse = forward_pass(flat(), coordinates)
        outputs = tuple(_unflat(value, size) for value in (view, occlusion, projected))

        def gradient(d_view, *_):
            d_image, d_logits, d_beta, d_a, d_b = backward_pass(
                flat(), coordinates, (view, lse), _flat(d_view)
            )
            return (
                _unflat(d_image, size),
                _unflat(tf.transpose(d_logits, [1, 2, 0]), size),
                _unflat(d_beta[..., None], size),
                _unflat(d_a, size),
                _unflat(d_b, size),
            )

        return outputs, gradient

    view, occlusion, projected = composite(target.image, target.logits, target.beta, a, b)
    return ForwardWarp(view, tf.stop_gradient(occlusion), tf.stop_gradient(projected))


def _forward(target, coordinates, *, size, levels):
    """Online softmax.

    Args:
        target: image [B,P,C], logits [N+1,B,P], beta [B,P], masks [B,P,M].
        coordinates: a, b [B,P,2], forward [B,P], s3 [B,1].
        size: (height, width); levels: `Levels`.

    Returns view [B,P,C], occlusion [B,P,1], projected masks [B,P,M], log-sum-exp [B,P] (large
    where no level is seen, so that every weight recomputed from it is zero).
    """
    image, logits, beta, masks = target
    _, width = size
    channels = image.shape[-1]
    log_sum = tf.reduce_logsumexp(logits, axis=0)
    colors = _rows(tf.concat([image, masks], axis=-1))
    zero = tf.zeros_like(beta)

    def body(n, top, total, mass, mix):
        corners, seen = _level_corners(n, beta, coordinates, size, levels)
        score_map = logits[n]
        probability = tf.exp(score_map - log_sum)
        source = tf.concat([_rows(score_map[..., None]), _rows(probability[..., None]), colors], 1)
        sample = bilinear.interpolate(bilinear.gather_corners(source, corners, width), corners)
        score = tf.where(seen, sample[..., 0], tf.fill(tf.shape(seen), _like(MASKED, beta)))
        new_top = tf.maximum(top, score)
        keep = tf.exp(top - new_top)
        weight = tf.where(seen, tf.exp(score - new_top), zero)
        mass += tf.where(seen, sample[..., 1], zero)
        mix = mix * keep[..., None] + weight[..., None] * sample[..., 2:]
        return n + 1, new_top, total * keep + weight, mass, mix

    start = (0, zero + MASKED, zero, zero, tf.concat([image, masks], axis=-1) * 0)
    _, top, total, mass, mix = _loop(body, start, levels.count)
    unseen = total <= 0
    total = tf.where(unseen, tf.ones_like(total), total)
    mix /= total[..., None]
    lse = tf.where(unseen, tf.fill(tf.shape(top), _like(-MASKED, beta)), top + tf.math.log(total))
    occlusion = tf.minimum(mass, _like(1.0, beta))[..., None]
    return mix[..., :channels], occlusion, mix[..., channels:], lse


def _backward(target, coordinates, composited, d_view, *, size, levels, image_gradient):
    """Gradients of sum(view * d_view); composited: (view, log-sum-exp) of `_forward`.

    Returns d image [B,P,C] (zeros unless asked for, which saves scattering its channels),
    d logits [N+1,B,P], d beta [B,P], d a and d b [B,P,2].
    """
    image, logits, beta, _ = target
    view, lse = composited
    watched = (beta, coordinates.a, coordinates.b)
    _, width = size
    pixels = tf.size(beta)
    colors = _rows(image)
    view_product = tf.reduce_sum(d_view * view, axis=-1)

    def body(n, d_image, d_logits, d_beta, d_a, d_b):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            x, y = _level_position(n, beta, coordinates, levels)[:2]
        corners, seen = _level_corners(n, beta, coordinates, size, levels)
        source = tf.concat([_rows(logits[n][..., None]), colors], axis=1)
        values = bilinear.gather_corners(source, corners, width)
        sample = bilinear.interpolate(values, corners)
        weight = tf.where(seen, tf.exp(sample[..., 0] - lse), tf.zeros_like(lse))
        d_color = weight[..., None] * d_view
        d_score = weight * (tf.reduce_sum(d_view * sample[..., 1:], axis=-1) - view_product)
        d_sample = tf.concat([d_score[..., None], d_color], axis=-1)

        scattered = d_sample if image_gradient else d_sample[..., :1]
        d_source = _scatter(scattered, corners, width, pixels)
        if image_gradient:
            d_image += tf.reshape(d_source[:, 1:], tf.shape(image))
        d_x, d_y = _position_gradient(values, corners, d_sample)
        parts = tape.gradient((x, y), watched, output_gradients=(d_x, d_y))
        return (
            n + 1,
            d_image,
            d_logits.write(n, tf.reshape(d_source[:, 0], tf.shape(beta))),
            d_beta + parts[0],
            d_a + parts[1],
            d_b + parts[2],
        )

    d_logits = tf.TensorArray(logits.dtype, size=levels.count, element_shape=beta.shape)
    start = (0, tf.zeros_like(image), d_logits, *map(tf.zeros_like, watched))
    _, d_image, d_logits, d_beta, d_a, d_b = _loop(body, start, levels.count)
    return d_image, d_logits.stack(), d_beta, d_a, d_b


def _loop(body, start, count):
    """Runs `body` for n = 0..count-1, one iteration at a time, so that memory stays constant."""
    return tf.while_loop(
        lambda n, *_: n < count, body, start, parallel_iterations=1, maximum_iterations=count
    )


def _level_position(n, beta, coordinates, levels):
    """Where level n is sampled: x, y [B,P], and its inverse depth d [B,P]."""
    fraction = quantization.log_fractions(levels.count, beta.dtype)[n]
    d = quantization.level_from_log_fraction(
        beta, fraction, levels.inverse_depth_min, levels.inverse_depth_max
    )
    q = coordinates.a + d[..., None] * coordinates.b
    return q[..., 0], q[..., 1], d


def _level_corners(n, beta, coordinates, size, levels):
    """Bilinear corners of level n and whether the sample takes part, [B,P] bool."""
    x, y, d = _level_position(n, beta, coordinates, levels)
    corners = bilinear.find_corners(x, y, *size)
    return corners, corners.inside & coordinates.forward & (1 + d * coordinates.s3 > 0)


def _position_gradient(values, corners, d_sample):
    """Gradient [B,P] of bilinear samples to x and y; zero where the coordinate was clamped."""
    v00, v01, v10, v11 = (tf.reduce_sum(value * d_sample, axis=-1) for value in values)
    d_x = (v01 - v00) + corners.fy * ((v11 - v10) - (v01 - v00))
    d_y = (v10 - v00) + corners.fx * ((v11 - v01) - (v10 - v00))
    return d_x * corners.free_x, d_y * corners.free_y


def _scatter(d_sample, corners, width, pixels):
    """Adjoint of gather + interpolate: [B,P,C] -> [B*H*W, C]."""
    channels = d_sample.shape[-1]
    fx, fy = corners.fx[..., None], corners.fy[..., None]
    lower, upper = d_sample * fy, d_sample * (1 - fy)
    parts = (upper * (1 - fx), upper * fx, lower * (1 - fx), lower * fx)
    steps = (0, 1, width, width + 1)
    # One segment sum for all corners: it beats scatter_nd twofold and four sums slightly.
    values = tf.concat([tf.reshape(part, [-1, channels]) for part in parts], axis=0)
    index = tf.concat([tf.reshape(corners.index + step, [-1]) for step in steps], axis=0)
    return tf.math.unsorted_segment_sum(values, index, pixels)


@functools.cache
def _compiled(function, xla):
    """`function`, compiled by XLA if asked; cached so that every call shares the compilations."""
    return tf.function(function, jit_compile=True) if xla else function


def _flat(value):
    """[B,H,W,...] -> [B,H*W,...]."""
    shape = value.shape
    return tf.reshape(value, [-1, shape[1] * shape[2], *shape[3:]])


def _unflat(value, size):
    """[B,H*W,C] -> [B,H,W,C]."""
    return tf.reshape(value, [-1, *size, value.shape[-1]])


def _level_first(logits):
    """[B,H,W,N+1] -> [N+1,B,H*W]."""
    return tf.transpose(_flat(logits), [2, 0, 1])


def _rows(value):
    """[B,P,C] -> [B*P,C]."""
    return tf.reshape(value, [-1, value.shape[-1]])


def _like(value, other):
    return tf.constant(value, other.dtype)
